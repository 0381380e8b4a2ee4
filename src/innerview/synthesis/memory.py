"""How much memory an image takes on its way through a network and back, before it is tried."""

from collections.abc import Sequence
from typing import Final

import psutil
import torch
from torch import Tensor, nn

from innerview.core.errors import BadInput, LayerNotFound
from innerview.models.activations import activations, device_of

PROBE: Final = 64
"""Pixels a side of the image that is sent through to see what its graph keeps."""

OVERHEAD: Final = 1.3
"""What convolutions need for a moment, as a factor of what is kept; measured with VGG-19."""

SPARE: Final = 12
"""Images' worth of memory beside the optimiser's: the picture itself, its gradient, the best one, copies."""


def needed_memory(model: nn.Module, layers: Sequence[str], size: tuple[int, int], history: int = 0) -> int:
    """Estimate the bytes that one forward and backward pass of one image takes, beside the network's weights.

    A small image is sent through, and what its graph keeps is scaled by the number of pixels.

    Args:
        model: Takes images ``(b, 3, h, w)`` in [0, 1].
        layers: The network runs as deep as the deepest of these.
        size: Of the image, in pixels.
        history: Pairs of images that the optimiser keeps.
    """
    pixels = size[0] * size[1]
    own = 12 * pixels * (2 * history + SPARE)
    return own + round(OVERHEAD * _kept(model, layers, size) * pixels)


def check_memory(model: nn.Module, layers: Sequence[str], size: tuple[int, int], history: int = 0) -> None:
    """Refuse an image that would not fit the memory of the device that the model is on; see `needed_memory`.

    Raises:
        BadInput: it would not; the message says which size would.
    """
    needed, free = needed_memory(model, layers, size, history), free_memory(device_of(model))
    if needed > free:
        side = int((free / needed) ** 0.5 * min(size)) // 8 * 8
        raise BadInput(
            f"an image of {size[0]}x{size[1]} pixels needs about {needed / 2**30:.1f} GiB of memory, and "
            f"{free / 2**30:.1f} are free; " + (f"make its shorter side {side} pixels" if side else "free some")
        )


def free_memory(device: torch.device) -> int:
    """Return the bytes that are free on a device, with those that torch holds there and does not use."""
    if device.type == "cuda":
        held = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + held
    return psutil.virtual_memory().available


def _kept(model: nn.Module, layers: Sequence[str], size: tuple[int, int]) -> float:
    """Return the bytes for each pixel of an image that are kept for its gradient."""
    height, width = (min(side, PROBE) for side in size)
    weights = {weight.untyped_storage().data_ptr() for weight in model.parameters()}
    found: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()  # views share one
        if storage.data_ptr() not in weights:
            found[storage.data_ptr()] = storage.nbytes()
        return tensor.detach()  # a graph that holds a result of its own would never be freed

    image = torch.full((1, 3, height, width), 0.5, device=device_of(model), requires_grad=True)
    try:
        with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            read = activations(model, image, layers) if layers else {}
    except LayerNotFound:
        raise
    except BadInput:
        if min(size) <= PROBE:
            raise
        return 0  # the network takes larger images only
    for one in read.values():
        note(one)
    return sum(found.values()) / (height * width)
