"""One training loop for everything that is trained here."""

from innerview.training.classification import accuracy, cross_entropy
from innerview.training.loop import Loss, Training, train
from innerview.training.recipe import SGD, Adam, Constant, Cosine, Drops, Group, Schedule, TrainingRecipe
from innerview.training.samples import Augmentation, Flip, RandomCrop, Samples, TensorSamples

__all__ = [
    "SGD",
    "Adam",
    "Augmentation",
    "Constant",
    "Cosine",
    "Drops",
    "Flip",
    "Group",
    "Loss",
    "RandomCrop",
    "Samples",
    "Schedule",
    "TensorSamples",
    "Training",
    "TrainingRecipe",
    "accuracy",
    "cross_entropy",
    "train",
]  # fmt: skip
