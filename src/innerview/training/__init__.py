"""One training loop for everything that is trained here."""

from innerview.training.checkpoints import load_weights
from innerview.training.classification import accuracy, cross_entropy
from innerview.training.features import Features, FeatureSamples, Looks, cache_features
from innerview.training.image_samples import ImageSamples
from innerview.training.loop import Training, train
from innerview.training.recipe import SGD, Adam, Constant, Cosine, Drops, EarlyStop, Group, Schedule, TrainingRecipe
from innerview.training.samples import Augmentation, Flip, RandomCrop, Samples, TensorSamples
from innerview.training.steps import Loss, Validate

__all__ = [
    "SGD",
    "Adam",
    "Augmentation",
    "Constant",
    "Cosine",
    "Drops",
    "EarlyStop",
    "FeatureSamples",
    "Features",
    "Flip",
    "Group",
    "ImageSamples",
    "Looks",
    "Loss",
    "RandomCrop",
    "Samples",
    "Schedule",
    "TensorSamples",
    "Training",
    "TrainingRecipe",
    "Validate",
    "accuracy",
    "cache_features",
    "cross_entropy",
    "load_weights",
    "train",
]  # fmt: skip
