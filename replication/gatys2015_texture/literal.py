"""The paper's loss written down word by word, in double precision, against which ours is checked."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from innerview.core.types import Images


def activations_of(model: nn.Module, image: Images, layers: list[str]) -> dict[str, np.ndarray]:
    """Run a copy of the network in double precision from end to end; return ``(channels, positions)`` by layer."""
    double = copy.deepcopy(model).double().cpu()
    found: dict[str, np.ndarray] = {}
    for name in layers:

        def keep(_module: nn.Module, _given: object, output: torch.Tensor, name: str = name) -> None:
            found[name] = output[0].flatten(1).numpy()

        double.get_submodule(name).register_forward_hook(keep)
    with torch.no_grad():
        double(image.double().cpu())
    return found


def texture_loss(model: nn.Module, image: Images, sample: Images, weights: Mapping[str, float]) -> float:
    """Return the total loss of a texture (Eqs. 1 to 3), for images of one size."""
    made = activations_of(model, image, list(weights))
    wanted = activations_of(model, sample, list(weights))
    total = 0.0
    for name, weight in weights.items():
        channels, positions = made[name].shape
        gram = np.einsum("ik,jk->ij", made[name], made[name])  # Eq. 1
        target = np.einsum("ik,jk->ij", wanted[name], wanted[name])
        total += weight * ((gram - target) ** 2).sum() / (4 * channels**2 * positions**2)  # Eqs. 2 and 3
    return total


@dataclass(frozen=True)
class Pictures:
    """What a style transfer is judged by: images of one size."""

    image: Images
    content: Images
    style: Images


def style_loss(
    model: nn.Module, pictures: Pictures, weights: Mapping[str, float], layer: str, *, alpha: float, beta: float
) -> float:
    """Return the total loss of a style transfer {cite}`gatys2016style` (Eqs. 1 to 7)."""
    made, wanted = (activations_of(model, one, [layer])[layer] for one in (pictures.image, pictures.content))
    content = ((made - wanted) ** 2).sum() / 2  # Eq. 1
    return alpha * content + beta * texture_loss(model, pictures.image, pictures.style, weights)  # Eq. 7
