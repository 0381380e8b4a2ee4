"""The icons of an atlas: each cell's mean activation, whitened and visualized as a direction."""

from dataclasses import dataclass, field, replace
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn

from innerview.atlas.reduce import Whitening
from innerview.core.errors import BadInput, NotFinite
from innerview.core.work import Work
from innerview.optimize.ascent import Recipe
from innerview.optimize.directions import direction
from innerview.optimize.icons import HERE, ICON, Icons, icons
from innerview.optimize.parameterizations import OneStart


@dataclass(frozen=True)
class IconRecipe:
    """How the icons of an atlas are made.

    Args:
        size: Height and width in pixels; the article's 80.
        recipe: How each is ascended; the article's 1024 steps.
        cosine_power: $n$ of `direction`; the released notebook's 4.
        tries: Icons of each cell, of which the one with the highest objective is kept; the article's 4.
        aligned: Whether all icons start from the same noise, so that those of neighbours, which look for much the same,
            lie in the same orientation.
        batch: Icons in a unit of work.
        seed: Of the noise.
    """

    size: int = 64
    recipe: Recipe = field(default_factory=lambda: ICON)
    cosine_power: float = 4.0
    tries: int = 1
    aligned: bool = False
    batch: int = 16
    seed: int = 0


def cell_icons(
    model: nn.Module,
    layer: str,
    directions: Float[Tensor, "m c"],
    whitened: Whitening,
    recipe: IconRecipe | None = None,
    *,
    work: Work = HERE,
) -> Icons:
    r"""Visualize the mean activation of each cell {cite}`carter2019atlas`.

    $$\frac{(h \cdot S v)^{n+1}}{(\|h\| \, \|S v\|)^n}$$

    averaged over the icon's positions, with small and negative cosines as `direction` has them.

    Args:
        model: The network that the activations came from.
        layer: The layer.
        directions: ``(m, c)``, the mean activations $v$.
        whitened: Gives $S$.
        recipe: How.
        work: Where units are computed and kept.

    Raises:
        BadInput: no try, or a cell whose activations are all zero.
        NotFinite: a cell's mean is NaN or infinite.
    """
    recipe = recipe or IconRecipe()
    if recipe.tries < 1:
        raise BadInput(f"an icon takes at least one try, not {recipe.tries}")
    wanted = whitened.directions(directions)
    lengths = wanted.norm(dim=1, keepdim=True)
    if not torch.isfinite(lengths).all():
        raise NotFinite("a cell's mean activation is NaN or infinite; check the activations")
    if not (lengths > 0).all():
        raise BadInput(f"cell {int(lengths.argmin())} sees nothing: its mean activation is zero; leave it out")
    tries = [
        icons(
            model,
            partial(direction, layer, cosine_power=recipe.cosine_power),
            wanted / lengths,
            size=recipe.size,
            seed=seed,
            recipe=_ascent(recipe, seed),
            batch=recipe.batch,
            work=work,
        )
        for seed in range(recipe.seed, recipe.seed + recipe.tries * len(wanted), len(wanted))
    ]
    return best(tries)


def _ascent(recipe: IconRecipe, seed: int) -> Recipe:
    if not recipe.aligned:
        return recipe.recipe
    return replace(recipe.recipe, parameterization=OneStart(recipe.recipe.parameterization, seed))


def best(tries: list[Icons]) -> Icons:
    """Return of each cell the try with the highest objective; one that is dead only if all are."""
    values = torch.stack([one.values for one in tries])
    chosen = values.masked_fill(torch.stack([one.dead for one in tries]), -torch.inf).argmax(0)
    cells = torch.arange(values.shape[1])
    return Icons(
        torch.stack([one.images for one in tries])[chosen, cells],
        values[chosen, cells],
        torch.stack([one.dead for one in tries])[chosen, cells],
    )
