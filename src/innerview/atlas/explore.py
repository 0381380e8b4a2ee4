"""From images to an explorer: the atlases of some layers, of some classes, of pairs of classes, in one folder."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from innerview.atlas.build import AtlasRecipe, Plan, draw_atlas, plan_atlas
from innerview.atlas.collect import collect
from innerview.atlas.collection import Collection, Sampling
from innerview.atlas.export import Sheet, export_explorer
from innerview.atlas.grid import Layout
from innerview.atlas.icons import IconRecipe, cell_icons
from innerview.atlas.reduce import Whitening, whitening
from innerview.atlas.sources import DataSet, ImageSource, image_source
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

    Raises:
        BadInput: no layers, one named twice, or densities that do not double.
    """

    layers: tuple[str, ...]
    classes: tuple[Class, ...] = ()
    pairs: tuple[tuple[Class, Class], ...] = ()
    sampling: Sampling = field(default_factory=Sampling)
    full: AtlasRecipe = field(default_factory=AtlasRecipe)
    narrow: AtlasRecipe = field(default_factory=lambda: AtlasRecipe(densities=(8,), minimum=4))
    class_count: int = 3000

    def __post_init__(self) -> None:
        if not self.layers:
            raise BadInput("an explorer needs at least one layer")
        _check_different("layer", self.layers)
        for densities in (self.full.densities, self.narrow.densities):
            if not densities or any(finer != 2 * coarser for coarser, finer in pairwise(densities)):
                raise BadInput(
                    f"an explorer zooms by doubling; give densities that do, such as 10, 20, 40, not {densities}"
                )


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

    Each stage is tried in little before long work begins, and all atlases are laid out before the first icon is made,
    so that what cannot be is said early.

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
        BadInput: a class that the model lacks, or that is named twice; too few images; and what the stages raise.
    """
    source = image_source(images)
    classes, pairs = targets_of(model, recipe)
    sampling = recipe.sampling
    _check_enough(f"{len(source)} images", len(source) * sampling.positions, recipe.full)
    rehearse(model, recipe)
    studios = [
        _studio(model, collect(model, source, layer, sampling, work=work), recipe, work) for layer in recipe.layers
    ]
    last = studios[-1]
    drafts = [studio.full() for studio in studios]
    drafts += [last.of_class(index) for index in classes] + [last.of_pair(*pair) for pair in pairs]
    sheets = [Sheet(draw_atlas(model, draft.plan, work=work), draft.title, draft.group) for draft in drafts]
    return export_explorer(folder, sheets, last.labels, title=title)


def targets_of(model: nn.Module, recipe: ExplorerRecipe) -> tuple[list[int], list[tuple[int, int]]]:
    """Return the indices of a recipe's classes and pairs.

    Raises:
        BadInput: no such class, one class or pair named twice, or a pair of a class with itself.
    """
    classes = [class_index(model, one) for one in recipe.classes]
    pairs = [(class_index(model, first), class_index(model, second)) for first, second in recipe.pairs]
    _check_different("class", classes)
    _check_different("pair", pairs)
    for first, second in pairs:
        if first == second:
            raise BadInput(f"two classes are compared, not class {first} with itself")
    return classes, pairs


def rehearse(model: nn.Module, recipe: ExplorerRecipe) -> None:
    """Collect from a grey image and begin an icon, for each layer: what is wrong with a recipe is said within seconds.

    Raises:
        LayerNotFound, BadInput: as the stages do.
    """
    grey = DataSet([torch.full((3, recipe.sampling.size, recipe.sampling.size), 0.5)], "grey")
    classes, pairs = targets_of(model, recipe)
    for layer in recipe.layers:
        found = collect(model, grey, layer, recipe.sampling)
        _begin_icon(model, found, recipe.full.icons)
        for target in (*classes, *sum(pairs, ())):
            found.attributed().of(target)  # fails for a class that the model lacks
        if (classes or pairs) and layer == recipe.layers[-1]:
            _begin_icon(model, found, recipe.narrow.icons)


def _begin_icon(model: nn.Module, found: Collection, recipe: IconRecipe) -> None:
    channels = found.activations.shape[1]
    steps = min(1, recipe.recipe.steps)
    plain = Whitening(torch.eye(channels), torch.eye(channels))
    quick = replace(recipe, recipe=replace(recipe.recipe, steps=steps))
    cell_icons(model, found.layer, torch.ones(1, channels), plain, quick)


@dataclass(frozen=True, eq=False)
class _Draft:
    """A sheet whose icons are still to be made."""

    plan: Plan
    title: str
    group: str


@dataclass(frozen=True, eq=False)
class _Studio:
    """Plans the atlases of one layer."""

    found: Collection
    whitened: Whitening
    labels: tuple[str, ...]
    recipe: ExplorerRecipe
    work: Work

    def full(self) -> _Draft:
        plan = plan_atlas(self.found, self.recipe.full, whitened=self.whitened, work=self.work)
        return _Draft(plan, self.found.layer, "Layers")

    def of_class(self, target: int) -> _Draft:
        chosen = of_class(self.found.attributed(), target, self.recipe.class_count)
        title = self.labels[target].capitalize()
        return _Draft(self._narrow(title, chosen), title, "Classes")

    def of_pair(self, first: int, second: int) -> _Draft:
        view = two_classes(
            self.found,
            first,
            second,
            self.whitened,
            count=self.recipe.class_count,
            reduction=self.recipe.narrow.reduction,
            work=self.work,
        )
        title = f"{self.labels[second].capitalize()} (left) and {self.labels[first]} (right)"
        return _Draft(self._narrow(title, view.chosen, view.layout), title, "Two classes")

    def _narrow(self, title: str, chosen: Tensor, layout: Layout | None = None) -> Plan:
        """Plan an atlas of some of the activations."""
        recipe = self.recipe.narrow
        _check_enough(title, len(chosen), recipe)
        return plan_atlas(self.found[chosen], recipe, whitened=self.whitened, layout=layout, work=self.work)


def _studio(model: nn.Module, found: Collection, recipe: ExplorerRecipe, work: Work) -> _Studio:
    labels = class_names(model, found.attributed().count)
    return _Studio(found, whitening(found.activations), labels, recipe, work)


def class_names(model: nn.Module, count: int) -> tuple[str, ...]:
    """Return the first name of each class; with its index where another has the same: a crane flies or lifts.

    Args:
        model: Its labels are the names; without any, classes are called by their index.
        count: Of the classes.
    """
    names = [name.split(",")[0] for name in class_labels(model) or (f"class {index}" for index in range(count))]
    often = Counter(name.casefold() for name in names)
    return tuple(f"{name} ({index})" if often[name.casefold()] > 1 else name for index, name in enumerate(names))


def _check_different(what: str, given: Sequence[Any]) -> None:
    twice = next((one for place, one in enumerate(given) if one in given[:place]), None)
    if twice is not None:
        raise BadInput(f"{what} {twice!r} is named twice; once is enough")


def _check_enough(of: str, count: int, recipe: AtlasRecipe) -> None:
    most = max(recipe.densities)
    if count < most**2:
        raise BadInput(
            f"{of}: too few activations ({count}) for the {most**2} cells of {most}x{most}; collect more, or lower the "
            "density"
        )
