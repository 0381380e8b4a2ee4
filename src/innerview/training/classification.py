"""Classifiers: their loss and how often they are right."""

import torch
from jaxtyping import Int
from torch import Tensor, nn
from torch.nn import functional as F

from innerview.core.errors import BadInput
from innerview.training.samples import Pictures, as_floats

Labels = Int[Tensor, " labels"]
"""The index of each image's class."""


def cross_entropy(model: nn.Module, images: Pictures, labels: Labels) -> Tensor:
    """Return the mean cross-entropy of a classifier's softmax, in nats."""
    return F.cross_entropy(model(images).float(), labels)


def accuracy(model: nn.Module, images: Pictures, labels: Labels, *, batch: int = 64) -> float:
    """Return the share of images whose class a classifier gives the highest logit, in [0, 1].

    Args:
        model: Images ``(b, 3, h, w)`` to logits ``(b, classes)``; used in the mode in which it is.
        images: In [0, 1], or bytes.
        labels: ``(b,)``.
        batch: Images at a time.

    Raises:
        BadInput: no images, or not as many labels.
    """
    if len(images) != len(labels) or len(images) == 0:
        raise BadInput(f"{len(images)} images and {len(labels)} labels make no accuracy; give one label an image")
    device = next((tensor.device for tensor in model.parameters()), torch.device("cpu"))
    with torch.inference_mode():
        parts = [model(as_floats(part.to(device))).argmax(1).cpu() for part in images.split(batch)]
    return float((torch.cat(parts) == labels.cpu()).float().mean())
