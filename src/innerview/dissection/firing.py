"""Firing: how often the channels of layers put out anything, over a data set."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from jaxtyping import Float, Int
from torch import Tensor, nn

from innerview.core.errors import BadInput
from innerview.core.folders import read_batches
from innerview.models import channels_first, evaluate
from innerview.models.activations import device_of


@dataclass(frozen=True)
class Firing:
    """How often a layer is silent; made by `firing`.

    Args:
        zeros: ``(c,)``, the share of all positions of all images where each channel is exactly zero, in [0, 1].
        images: How many images were shown.
    """

    zeros: Float[Tensor, " c"]
    images: int

    @property
    def sparsity(self) -> float:
        """The share of zeros in the whole layer."""
        return float(self.zeros.mean())

    @property
    def dead(self) -> Int[Tensor, " dead"]:
        """The channels that are zero everywhere in all images."""
        return (self.zeros == 1).nonzero()[:, 0]


def firing(
    model: nn.Module, paths: Sequence[str | Path], layers: Sequence[str], *, size: int = 224, batch: int = 16
) -> Mapping[str, Firing]:
    """Count the zeros of layers over images, all layers in one pass.

    Only a ReLU makes exact zeros: of other layers the share is about 0, whatever they do.

    Args:
        model: Takes images ``(b, 3, size, size)`` in [0, 1].
        paths: Image files; their middle squares are shown. Those that cannot be read are skipped, and counted in a
            warning.
        layers: Names.
        size: Height and width of the images, in pixels.
        batch: Images at a time.

    Returns:
        Name -> what was counted.

    Raises:
        LayerNotFound: the model has no such layer.
        BadInput: no layers, no paths, or none that can be read.
    """
    if not layers or not paths:
        raise BadInput(f"firing is counted in at least one layer and image, not in {len(layers)} and {len(paths)}")
    zeros: dict[str, Tensor] = {}
    positions, images = dict.fromkeys(layers, 0), 0
    with closing(read_batches(paths, size, batch)) as batches:
        for part in batches:
            read = evaluate(model, part.images.to(device_of(model)), layers, batch)
            for name, activations in read.items():
                maps = channels_first(activations)
                flat = maps.transpose(0, 1).flatten(1)
                zeros[name] = zeros.get(name, 0) + (flat == 0).sum(1).cpu()
                positions[name] += flat.shape[1]
            images += len(part.images)
    if not images:
        raise BadInput(f"none of {len(paths)} files can be read as an image, the first is {paths[0]}; give others")
    return {name: Firing((zeros[name].double() / positions[name]).float(), images) for name in zeros}
