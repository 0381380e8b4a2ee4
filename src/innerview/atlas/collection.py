"""Collected activations, and which ones are collected {cite}`carter2019atlas`."""

from dataclasses import dataclass, replace

from jaxtyping import Float, Int
from torch import Tensor

from innerview.atlas.attributions import Attributions
from innerview.core.errors import BadInput


@dataclass(frozen=True)
class Sampling:
    """Which activations are collected {cite}`carter2019atlas`.

    Args:
        positions: Activations of each image, at different random positions; the article's one.
        edge: Rows and columns at each border of the layer that are left out, where padding speaks along. Layers of
            fewer than `2 * edge + 1` rows or columns lose what they can spare.
        size: Height and width of the images, in pixels.
        keep: Classes to which an activation's attribution is kept, the largest; 0 attributes nothing, which is faster.
        seed: Of the positions.
        batch: Images that go through the network at once; with attributions, positions.
        shard: Images in a unit of work: what an interruption can lose.
    """

    positions: int = 1
    edge: int = 1
    size: int = 224
    keep: int = 100
    seed: int = 0
    batch: int = 16
    shard: int = 64

    def __post_init__(self) -> None:
        least = {"positions": 1, "edge": 0, "size": 1, "keep": 0, "batch": 1, "shard": 1}
        wrong = [f"{name} ({getattr(self, name)})" for name, low in least.items() if getattr(self, name) < low]
        if wrong:
            raise BadInput(f"{', '.join(wrong)} is too small to collect anything; give larger numbers")


@dataclass(frozen=True)
class Collection:
    """Activations of one layer.

    Args:
        layer: Its name.
        extent: Its rows and columns.
        activations: ``(n, c)``, in half precision.
        images: ``(n,)``, the number of the image that each comes from.
        positions: ``(n, 2)``, row and column in the layer.
        attributions: Of each; None if none were asked for.
        skipped: Numbers of the images that could not be read.
    """

    layer: str
    extent: tuple[int, int]
    activations: Float[Tensor, "n c"]
    images: Int[Tensor, " n"]
    positions: Int[Tensor, "n 2"]
    attributions: Attributions | None
    skipped: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, indices: Tensor) -> "Collection":
        """Return some of the activations."""
        return replace(
            self,
            activations=self.activations[indices],
            images=self.images[indices],
            positions=self.positions[indices],
            attributions=None if self.attributions is None else self.attributions[indices],
        )

    def attributed(self) -> Attributions:
        """Return the attributions.

        Raises:
            BadInput: none were collected.
        """
        if self.attributions is None:
            raise BadInput("the activations were collected without attributions; collect them with keep=100")
        return self.attributions
