"""From collected activations to an atlas: layout, grids, icons."""

from dataclasses import dataclass, field

from torch import nn

from innerview.atlas.atlas import Atlas, Level
from innerview.atlas.collection import Collection
from innerview.atlas.grid import Grid, Layout, grid
from innerview.atlas.icons import IconRecipe, cell_icons
from innerview.atlas.reduce import Reduction, Whitening, reduce, whitening
from innerview.core.errors import BadInput
from innerview.core.work import Work
from innerview.optimize.icons import HERE


@dataclass(frozen=True)
class AtlasRecipe:
    """How an atlas is made.

    Args:
        densities: Cells along each side, the coarsest first; each twice the one before, for an explorer that zooms.
        minimum: Activations that a cell needs.
        clip: Percentiles of the layout between which the grids are stretched; see `grid`.
        reduction: How activations are laid out.
        icons: How cells are visualized.
    """

    densities: tuple[int, ...] = (10, 20)
    minimum: int = 10
    clip: tuple[float, float] = (1, 99)
    reduction: Reduction = field(default_factory=Reduction)
    icons: IconRecipe = field(default_factory=IconRecipe)


@dataclass(frozen=True, eq=False)
class Plan:
    """An atlas before its icons, which take most of the time: what cannot be is known by now.

    Args:
        collection: The activations.
        whitened: With which they were laid out.
        layout: Where each of them lies.
        grids: The cells at each density.
        icons: How the cells are to be visualized.
    """

    collection: Collection
    whitened: Whitening
    layout: Layout
    grids: tuple[Grid, ...]
    icons: IconRecipe


def plan_atlas(
    collection: Collection,
    recipe: AtlasRecipe | None = None,
    *,
    whitened: Whitening | None = None,
    layout: Layout | None = None,
    work: Work = HERE,
) -> Plan:
    """Lay activations out and find the cells of an atlas; see `build_atlas`."""
    recipe = recipe or AtlasRecipe()
    collection.attributed()
    if not recipe.densities:
        raise BadInput("an atlas has at least one density; give densities=(10,)")
    if layout is not None and len(layout) != len(collection):
        raise BadInput(f"a layout of {len(layout)} places for {len(collection)} activations; give one for each")
    whitened = whitened or whitening(collection.activations)
    if layout is None:
        layout = reduce(collection.activations, whitened, recipe.reduction, work=work)
    grids = [grid(layout, density, minimum=recipe.minimum, clip=recipe.clip) for density in recipe.densities]
    return Plan(collection, whitened, layout, tuple(grids), recipe.icons)


def draw_atlas(model: nn.Module, plan: Plan, *, work: Work = HERE) -> Atlas:
    """Make the icons of a plan; see `build_atlas`."""
    activations, attributions = plan.collection.activations.float(), plan.collection.attributed()
    levels = []
    for cells in plan.grids:
        directions = cells.mean(activations)
        made = cell_icons(model, plan.collection.layer, directions, plan.whitened, plan.icons, work=work)
        levels.append(Level(cells, directions, attributions.mean(cells), made))
    return Atlas(plan.collection.layer, plan.layout, tuple(levels))


def build_atlas(
    model: nn.Module,
    collection: Collection,
    recipe: AtlasRecipe | None = None,
    *,
    whitened: Whitening | None = None,
    layout: Layout | None = None,
    work: Work = HERE,
) -> Atlas:
    """Make an atlas of collected activations {cite}`carter2019atlas`.

    What was made before is found in the store of `work`: a change of the icons does not lay out anew.

    Args:
        model: Gave the activations.
        collection: With attributions.
        recipe: How.
        whitened: Of a larger collection, if this one is a part of it; by default of this one.
        layout: Where each activation lies; by default found by the recipe's reduction.
        work: Where units are computed and kept.

    Raises:
        BadInput: no density, fewer activations than cells, no attributions, or a layout of another number.
    """
    return draw_atlas(model, plan_atlas(collection, recipe, whitened=whitened, layout=layout, work=work), work=work)
