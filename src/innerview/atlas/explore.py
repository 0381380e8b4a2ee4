"""From images to an explorer: the atlases of some layers, of some classes, of pairs of classes, in one folder."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor, nn

from innerview.atlas.atlas import Atlas
from innerview.atlas.build import AtlasRecipe, build_atlas
from innerview.atlas.collect import Collection, Sampling, collect
from innerview.atlas.export import Sheet, export_explorer
from innerview.atlas.grid import Layout
from innerview.atlas.reduce import Whitening, whitening
from innerview.atlas.sources import ImageSource
from innerview.atlas.views import of_class, two_classes
from innerview.core.errors import BadInput
from innerview.core.work import Work
from innerview.models import class_index, class_labels
from innerview.optimize.icons import HERE

Class = int | str


@dataclass(frozen=True)
class ExplorerRecipe:
    """What an explorer shows.

    Args:
        layers: One full atlas each, in this order; the views of classes are of the last.
        classes: A class atlas each, by index or name.
        pairs: A view each of what tells two classes apart.
        sampling: Which activations are collected; with attributions.
        full: How full atlases are made.
        narrow: How views of classes are made, which have fewer activations; the article's 8x8 with at least 4.
        class_count: Activations with the highest attribution to a class that its views take; see `of_class`.
    """

    layers: tuple[str, ...]
    classes: tuple[Class, ...] = ()
    pairs: tuple[tuple[Class, Class], ...] = ()
    sampling: Sampling = field(default_factory=Sampling)
    full: AtlasRecipe = field(default_factory=AtlasRecipe)
    narrow: AtlasRecipe = field(default_factory=lambda: AtlasRecipe(densities=(8,), minimum=4))
    class_count: int = 3000


def build_explorer(
    model: nn.Module,
    images: Sequence[str | Path] | ImageSource,
    folder: str | Path,
    recipe: ExplorerRecipe,
    *,
    title: str = "Activation atlas",
    work: Work = HERE,
) -> Path:
    """Make all atlases of a recipe, and write the explorer that shows them.

    Args:
        model: A classifier.
        images: See `collect`.
        folder: Of the explorer; see `export_explorer`.
        recipe: What it shows.
        title: Of the page.
        work: Where units are computed and kept; with a store, an interrupted call goes on when it is made again.

    Returns:
        The page, ``index.html``.

    Raises:
        BadInput: no layers, or a class that the model lacks; and what the stages raise.
    """
    if not recipe.layers:
        raise BadInput("an explorer needs at least one layer")
    classes = [class_index(model, one) for one in recipe.classes]
    pairs = [(class_index(model, first), class_index(model, second)) for first, second in recipe.pairs]
    studios = [
        _studio(model, collect(model, images, layer, recipe.sampling, work=work), recipe, work)
        for layer in recipe.layers
    ]
    sheets = [Sheet(studio.atlas(recipe.full), studio.found.layer) for studio in studios]
    sheets += [studios[-1].of_class(index) for index in classes]
    sheets += [studios[-1].of_pair(*pair) for pair in pairs]
    return export_explorer(folder, sheets, studios[-1].labels, title=title)


@dataclass(frozen=True, eq=False)
class _Studio:
    """Makes the atlases of one layer."""

    model: nn.Module
    found: Collection
    whitened: Whitening
    labels: tuple[str, ...]
    recipe: ExplorerRecipe
    work: Work

    def atlas(self, recipe: AtlasRecipe, chosen: Tensor | None = None, layout: Layout | None = None) -> Atlas:
        """Make an atlas of all activations, or of some of them."""
        some = self.found if chosen is None else self.found[chosen]
        return build_atlas(self.model, some, recipe, whitened=self.whitened, layout=layout, work=self.work)

    def of_class(self, target: int) -> Sheet:
        chosen = of_class(self.found.attributed(), target, self.recipe.class_count)
        return Sheet(self.atlas(self.recipe.narrow, chosen), self.labels[target].capitalize(), "Classes")

    def of_pair(self, first: int, second: int) -> Sheet:
        reduction = self.recipe.narrow.reduction
        view = two_classes(
            self.found, first, second, self.whitened, count=self.recipe.class_count, reduction=reduction, work=self.work
        )
        title = f"{self.labels[second].capitalize()} (left) and {self.labels[first]} (right)"
        return Sheet(self.atlas(self.recipe.narrow, view.chosen, view.layout), title, "Two classes")


def _studio(model: nn.Module, found: Collection, recipe: ExplorerRecipe, work: Work) -> _Studio:
    names = class_labels(model) or tuple(f"class {index}" for index in range(found.attributed().count))
    labels = tuple(name.split(",")[0] for name in names)  # the first of several names
    return _Studio(model, found, whitening(found.activations), labels, recipe, work)
