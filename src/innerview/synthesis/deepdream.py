r"""DeepDream {cite}`mordvintsev2015deepdream`: let a network change a photograph into more of what it sees there."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from math import inf

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from innerview.core.errors import BadInput, NotFinite
from innerview.core.images import check_images
from innerview.core.progress import progress as bar
from innerview.core.seeds import generator
from innerview.core.store import Store, fingerprint
from innerview.core.types import Images
from innerview.models import activations
from innerview.optimize import Objective, Reading, layer, parse_objective

SMALLEST_OCTAVE = 32
"""Pixels; below, a network of five poolings has nothing left to look at."""


@dataclass(frozen=True)
class DreamRecipe:
    """How to dream; the defaults are the released notebook's.

    Args:
        octaves: Sizes at which the image is changed, small to large.
        octave_scale: Each as many times the one before.
        steps: Steps at each octave.
        step_size: Mean change of a pixel in a step, in units of 1/255.
        jitter: Pixels by which the image is rolled, at random, before each step.
        tile: Side in pixels of the tiles whose gradients are computed one after another, or None for the whole image
            at once. Memory grows with the tile, not with the image.
        seed: Of the rolls.
    """

    octaves: int = 4
    octave_scale: float = 1.4
    steps: int = 10
    step_size: float = 1.5
    jitter: int = 32
    tile: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        least = {"octaves": 1, "octave_scale": 1.01, "steps": 0, "step_size": 0, "jitter": 0, "tile": 64, "seed": 0}
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and not least[field.name] <= value < inf:
                raise BadInput(f"{field.name} of a dream is a number of at least {least[field.name]}, not {value}")


def deepdream(
    model: nn.Module,
    images: Images,
    objective: Objective | str | None = None,
    *,
    recipe: DreamRecipe | None = None,
    store: Store | None = None,
    progress: bool = False,
) -> Images:
    r"""Dream on images.

    From the smallest octave to the largest, the details found so far are enlarged and added to the image of that size;
    then each step rolls the image at random and moves it along the gradient,

    $$x \leftarrow x + \frac{s}{\mathrm{mean}|g|}\, g, \qquad g = \nabla_x\, \tfrac{1}{2} \|A(x)\|^2$$

    and clips it to the valid range.

    Args:
        model: Takes images ``(b, 3, h, w)`` in [0, 1].
        images: ``(b, 3, h, w)``; each dreams on its own.
        objective: What to strengthen; ``layer("inception_4c")``, the notebook's, by default.
        recipe: How.
        store: Where finished octaves are kept, so that an interrupted dream continues after the last one.
        progress: Whether to show a bar.

    Returns:
        ``(b, 3, h, w)`` in [0, 1].

    Raises:
        LayerNotFound: the model lacks a layer of the objective.
        BadInput: the smallest octave would be smaller than 32 pixels a side.
        NotFinite: the gradient became NaN or infinite.
    """
    check_images(images)
    recipe = recipe or DreamRecipe()
    objective = layer("inception_4c") if objective is None else objective
    objective = parse_objective(objective) if isinstance(objective, str) else objective
    bases = _octaves(images, recipe)
    sources = (objective.name, recipe, images, model, deepdream) if store else ()
    done, kept = _last_kept(store, recipe.octaves, sources)
    detail = torch.zeros_like(bases[0]) if kept is None else kept.to(images)
    with bar(range(recipe.octaves * recipe.steps), "dream", progress, initial=done * recipe.steps) as steps:
        for octave in range(done, recipe.octaves):
            base = bases[octave]
            dream = base + _resized(detail, base.shape[-2:])
            for step in range(recipe.steps):
                dream = dream_step(model, dream, objective, recipe, (octave, step))
                steps.update()
            detail = dream - base
            if store:
                store.save(store.path(f"octave{octave}", octave, *sources), {"detail": detail})
    return (bases[-1] + _resized(detail, bases[-1].shape[-2:])).clamp(0, 1)


def _octaves(images: Images, recipe: DreamRecipe) -> list[Tensor]:
    """Return the images at every octave, small to large."""
    octaves = [images]
    for _ in range(recipe.octaves - 1):
        height, width = (round(side / recipe.octave_scale) for side in octaves[-1].shape[-2:])
        if min(height, width) < SMALLEST_OCTAVE:
            raise BadInput(
                f"{recipe.octaves} octaves of scale {recipe.octave_scale} shrink this image below {SMALLEST_OCTAVE} "
                "pixels; use fewer octaves or a larger image"
            )
        octaves.append(_resized(octaves[-1], (height, width)))
    return octaves[::-1]


def _last_kept(store: Store | None, octaves: int, sources: tuple[object, ...]) -> tuple[int, Tensor | None]:
    """Return how many octaves are finished, and the detail after them."""
    for octave in reversed(range(octaves if store else 0)):
        assert store is not None
        kept = store.load(store.path(f"octave{octave}", octave, *sources))
        if kept is not None:
            return octave + 1, kept["detail"]
    return 0, None


def _resized(images: Tensor, size: tuple[int, ...]) -> Tensor:
    """Resize bilinearly, corner on corner, as the notebook does."""
    return F.interpolate(images, tuple(size), mode="bilinear", align_corners=True)


def dream_step(
    model: nn.Module, images: Images, objective: Objective, recipe: DreamRecipe, draw: tuple[int, ...] = (0,)
) -> Images:
    """Take one step of gradient ascent, normalised by the mean absolute gradient of each image.

    Args:
        model: Takes images ``(b, 3, h, w)`` in [0, 1].
        images: ``(b, 3, h, w)``.
        objective: What to strengthen.
        recipe: Gives step size, jitter, tile and seed.
        draw: Which of the recipe's random rolls to use.
    """
    reach = recipe.jitter
    if recipe.tile is not None and max(images.shape[-2:]) > recipe.tile:
        reach = max(reach, recipe.tile // 2)  # far enough that no seam between tiles stays in place
    shift = torch.randint(-reach, reach + 1, (2,), generator=generator("dream", recipe.seed, *draw)).tolist()
    rolled = images.roll(shift, (-2, -1))
    gradient = image_gradient(model, rolled, objective, recipe.tile)
    mean = gradient.abs().mean(dim=(1, 2, 3), keepdim=True)
    if not torch.isfinite(mean).all():
        raise NotFinite(
            f"the gradient of {objective.name} became NaN or infinite at dream step {draw}; lower the step size"
        )
    stepped = rolled + recipe.step_size / 255 * gradient / mean.clamp(min=1e-30)
    return stepped.clamp(0, 1).roll([-pixels for pixels in shift], (-2, -1))


def image_gradient(model: nn.Module, images: Images, objective: Objective, tile: int | None = None) -> Images:
    """Return the gradient of the objective with respect to the pixels.

    Args:
        model: Takes images ``(b, 3, h, w)`` in [0, 1].
        images: ``(b, 3, h, w)``.
        objective: Whose gradient.
        tile: Side in pixels of tiles that are looked at one by one, each as an image of its own; None for all at once.
    """
    if tile is None or max(images.shape[-2:]) <= tile:
        leaf = images.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(objective(model, leaf).sum(), leaf)
        return gradient
    gradient = torch.empty_like(images)
    for rows, columns in _tiles(images.shape[-2:], tile):
        gradient[..., rows, columns] = image_gradient(model, images[..., rows, columns], objective)
    return gradient


def _tiles(size: tuple[int, ...], tile: int) -> Iterator[tuple[slice, slice]]:
    """Cut a size into near-equal tiles of at most `tile` pixels a side."""
    cuts = [[round(side * i / -(-side // tile)) for i in range(-(-side // tile) + 1)] for side in size]
    for top, bottom in zip(cuts[0], cuts[0][1:], strict=False):
        for left, right in zip(cuts[1], cuts[1][1:], strict=False):
            yield slice(top, bottom), slice(left, right)


def guided(model: nn.Module, guide: Images, name: str) -> Objective:
    r"""Objective of the guided dream: match each position to the guide's best matching feature vector.

    $$\sum_x \max_y A_x \cdot G_y$$

    where $A$ are the image's activations and $G$ the guide's; the gradient at a position is the matching $G_y$.

    Args:
        model: The network that will dream.
        guide: ``(1, 3, h, w)``.
        name: The layer, `inception_3b` in the notebook.

    Raises:
        BadInput: the layer has no positions.
    """
    with torch.no_grad():
        features = activations(model, guide, name)[name]
    if features.ndim != 4:
        raise BadInput(f"layer {name!r} has no positions to match; choose a convolutional one")
    vectors = features.movedim(1, -1).flatten(0, 2)  # (positions, channels)

    def measure(reading: Reading) -> Tensor:
        here = reading.activations[name].flatten(2).transpose(1, 2)  # (b, positions, channels)
        return (here @ vectors.T.to(here)).amax(dim=2).sum(dim=1)

    return Objective(f"guided({name}, {fingerprint(vectors)})", (name,), measure)


def magnified(images: Images, factor: float) -> Images:
    """Cut off the share `factor` of each side, half at either end, and enlarge the rest to the old size.

    Raises:
        BadInput: `factor` leaves nothing of the images.
    """
    if not 0 <= factor < 1:
        raise BadInput(f"a zoom cuts off a share of each side of at least 0 and below 1, not {factor}")
    height, width = images.shape[-2:]
    rows = torch.linspace(-1 + factor, 1 - factor, height)
    columns = torch.linspace(-1 + factor, 1 - factor, width)
    grid = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), dim=-1).to(images)
    return F.grid_sample(images, grid.expand(len(images), -1, -1, -1), padding_mode="border", align_corners=True)


def zoom(
    model: nn.Module,
    images: Images,
    objective: Objective | str | None = None,
    *,
    frames: int = 100,
    factor: float = 0.05,
    recipe: DreamRecipe | None = None,
    store: Store | None = None,
) -> Iterator[Images]:
    """Dream, magnify, dream again: yield the frames of an endless zoom, one at a time.

    Args:
        model: See `deepdream`.
        images: See `deepdream`.
        objective: See `deepdream`.
        frames: How many.
        factor: Share of each side that is cut off between frames; 0.05 in the notebook.
        recipe: See `deepdream`.
        store: Where finished frames are kept.
    """
    recipe = recipe or DreamRecipe()
    name = objective.name if isinstance(objective, Objective) else str(objective)
    sources = (name, recipe, factor, images, model, deepdream) if store else ()
    frame = images
    for index in range(frames):

        def dreamt(frame: Images = frame) -> dict[str, Tensor]:
            return {"frame": deepdream(model, frame, objective, recipe=recipe)}

        made = store.keep(f"frame{index}", dreamt, index, *sources) if store else dreamt()
        frame = made["frame"].to(images)
        yield frame
        frame = magnified(frame, factor)
