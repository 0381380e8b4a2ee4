"""Whitening, and layouts: from activations of hundreds of numbers to places on a plane {cite}`carter2019atlas`."""

from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

from innerview.atlas.grid import Layout
from innerview.core.errors import BadInput, NotFinite
from innerview.core.work import Work
from innerview.embedding import pca_map, tsne_map, umap_map
from innerview.embedding.maps import Plane
from innerview.optimize.icons import HERE

METHODS: Final = ("umap", "tsne", "pca")


@dataclass(frozen=True)
class Whitening:
    """What takes the correlations between channels away.

    Args:
        inverse: ``(c, c)``, $S$, with which directions are whitened before they are visualized.
        root: ``(c, c)``, $S^{1/2}$, with which activations are whitened: their second moments become the identity.
    """

    inverse: Float[Tensor, "c c"]
    root: Float[Tensor, "c c"]

    def activations(self, activations: Float[Tensor, "n c"]) -> Float[Tensor, "n c"]:
        """Return $h S^{1/2}$: cosines between these compare activations regardless of what all have in common."""
        return activations.float() @ self.root

    def directions(self, directions: Float[Tensor, "m c"]) -> Float[Tensor, "m c"]:
        """Return $v S$: the dot product with $h$ is that of both, whitened."""
        return directions.float() @ self.inverse


def whitening(activations: Float[Tensor, "n c"], ridge: float = 1.0) -> Whitening:
    r"""Measure how the channels of a layer go together.

    $$S = \Big(\frac{1}{N} A^\top A + \lambda I\Big)^{-1}$$

    with a row of $A$ for each activation, not centred, as in the released notebook of {cite}`carter2019atlas`. It has
    no $\lambda$. With a channel that never fires there is then no inverse; and the weakest axes, which $S$ enlarges
    most, are noise if they come from some thousand activations: an ascent towards them finds little to hold on to.

    Args:
        activations: ``(n, c)``.
        ridge: $\lambda$ over the mean of the second moments. With 1, what all activations share is taken away, and
            little else; from hundreds of thousands of them .01 or less keeps to the notebook.

    Raises:
        BadInput: all activations are zero, or the ridge is not positive.
        NotFinite: an activation is NaN or infinite.
    """
    if not ridge > 0:
        raise BadInput(f"the ridge of a whitening is positive, not {ridge}")
    moments = torch.zeros(activations.shape[1], activations.shape[1], dtype=torch.float64)
    for part in activations.split(4096):  # in double precision a piece at a time
        moments += part.double().T @ part.double()
    if not torch.isfinite(moments).all():
        raise NotFinite("activations hold NaN or infinite numbers, so they cannot be whitened; check images and layer")
    moments /= max(len(activations), 1)
    scale = float(moments.diagonal().mean())
    if scale == 0:
        raise BadInput("all activations are zero, so they cannot be whitened; choose other images or another layer")
    values, axes = torch.linalg.eigh(moments)
    values = values.clamp(min=0) + ridge * scale
    return Whitening(((axes / values) @ axes.T).float(), ((axes / values.sqrt()) @ axes.T).float())


@dataclass(frozen=True)
class Reduction:
    """How activations are laid out; the defaults are the article's.

    Args:
        method: ``umap``, ``tsne``, or ``pca``.
        neighbors: Of UMAP; of t-SNE the perplexity. Never more than a tenth of the activations.
        min_dist: Of UMAP.
        seed: Of the layout.

    Raises:
        BadInput: an unknown method.
    """

    method: str = "umap"
    neighbors: int = 50
    min_dist: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise BadInput(f"there is no layout {self.method!r}; choose {', '.join(METHODS)}")


def reduce(
    activations: Float[Tensor, "n c"],
    whitened: Whitening,
    reduction: Reduction | None = None,
    *,
    dimensions: int = 2,
    work: Work = HERE,
) -> Plane:
    """Lay activations out so that those which are alike, once whitened, lie close together.

    Args:
        activations: ``(n, c)``.
        whitened: Of these, or of a larger collection that they belong to.
        reduction: How.
        dimensions: 2 for a plane, 1 for a line.
        work: Its store keeps the layout.

    Returns:
        ``(n, dimensions)``, each axis scaled to [0, 1].

    Raises:
        BadInput: too few activations.
    """
    reduction = reduction or Reduction()

    def compute() -> dict[str, Tensor]:
        vectors, seed = whitened.activations(activations), reduction.seed
        neighbors = max(2, min(reduction.neighbors, len(vectors) // 10))
        match reduction.method:
            case "umap":
                found = umap_map(
                    vectors, neighbors=neighbors, min_dist=reduction.min_dist, dimensions=dimensions, seed=seed
                )
            case "tsne":
                found = tsne_map(vectors, perplexity=neighbors, dimensions=dimensions, seed=seed)
            case _:
                found = pca_map(vectors, dimensions=dimensions)
        return {"layout": found}

    if work.store is None:
        return compute()["layout"]
    told = (activations, whitened.root, reduction, dimensions, reduce, umap_map)
    return work.store.keep(f"{reduction.method}-layout", compute, *told)["layout"]


def across(differences: Float[Tensor, " n"], line: Float[Tensor, "n 1"]) -> Layout:
    """Return a plane whose x is a difference of attributions and whose y a layout of one dimension."""
    return torch.cat([differences[:, None].float(), line.float()], 1)
