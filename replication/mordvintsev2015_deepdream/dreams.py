"""What the replication computes: every dream, kept so that an interrupted run continues."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from innerview.core.seeds import generator
from innerview.core.spectrum import radial_spectrum
from innerview.core.types import Images
from innerview.embedding import umap_map
from innerview.models import LOGITS, activations, evaluate
from innerview.optimize import Objective, layer
from innerview.replicate import Run
from innerview.replicate.photos import photo
from innerview.synthesis import DreamRecipe, deepdream, guided, zoom

ANIMALS = 398
"""The first 398 of ImageNet's 1000 classes are animals."""


@dataclass(frozen=True)
class Config:
    """The released notebook's numbers, and the sizes of the studies beside it."""

    model: str = "googlenet"  # BVLC GoogLeNet; the notebook's first cell
    layer: str = "inception_4c"  # `end` of `make_step`
    photo: str = "deepdream_photos/sky1024px.jpg"
    width: int = 1024  # pixels: the photograph as it is
    dream: DreamRecipe = (
        DreamRecipe()
    )  # `deepdream(iter_n=10, octave_n=4, octave_scale=1.4)`, `jitter=32`, `step_size=1.5`
    layers: tuple[str, ...] = (
        "conv2_3x3",
        "inception_3a",
        "inception_3b",
        "inception_4a",
        "inception_4c",
        "inception_5a",
    )
    study_width: int = 1024  # pixels, of the comparisons
    guide: str = "deepdream_photos/flowers.jpg"
    guide_width: int = 224  # pixels; the notebook resizes to 224
    guide_layer: str = "inception_3b"
    zoom_width: int = 1024  # pixels
    frames: int = 100  # "for i in xrange(100)"
    zoom: float = 0.05  # `s`, share of each side cut off between frames
    noise: DreamRecipe = DreamRecipe(octaves=6, steps=20)  # ours: the notebook has no dream from noise
    noise_size: tuple[int, int] = (360, 640)  # pixels


def layer_variants(config: Config) -> Mapping[str, tuple[str, DreamRecipe]]:
    """Panel title -> layer and recipe: one layer after another."""
    return {name: (name, config.dream) for name in config.layers}


def octave_variants(config: Config) -> Mapping[str, tuple[str, DreamRecipe]]:
    """Octaves against none, with as many steps in all."""
    octaves = config.dream.octaves
    alone = replace(config.dream, octaves=1, steps=config.dream.steps * octaves)
    return {
        f"{octaves} octaves, {config.dream.steps} steps each": (config.layer, config.dream),
        f"One octave, {alone.steps} steps": (config.layer, alone),
    }


def jitter_variants(config: Config) -> Mapping[str, tuple[str, DreamRecipe]]:
    """Jitter against none."""
    return {
        f"Jitter of {config.dream.jitter} pixels": (config.layer, config.dream),
        "No jitter": (config.layer, replace(config.dream, jitter=0)),
    }


def sky(run: Run, width: int | None = None) -> Images:
    """Return the photograph that is dreamt on."""
    return photo(run.config.photo, width or run.config.width).to(run.device)


def sky_dream(run: Run) -> Images:
    """Dream on the photograph at full size."""
    config = run.config
    return _dream(run, "sky", sky(run), layer(config.layer), config.dream)


def variants(run: Run, chosen: Mapping[str, tuple[str, DreamRecipe]]) -> dict[str, Images]:
    """Dream on the smaller photograph in several ways: panel title -> dream."""
    image = sky(run, run.config.study_width)
    return {
        title: _dream(run, _part_name(name, recipe), image, layer(name), recipe)
        for title, (name, recipe) in chosen.items()
    }


def _part_name(name: str, recipe: DreamRecipe) -> str:
    return f"{name}-{recipe.octaves}x{recipe.steps}-jitter{recipe.jitter}"


def guide(run: Run) -> Images:
    """Return the guide's photograph."""
    return photo(run.config.guide, run.config.guide_width).to(run.device)


def guiding(run: Run) -> Objective:
    """Return the objective of the guided dream."""
    return guided(run.model(run.config.model), guide(run), run.config.guide_layer)


def guided_dreams(run: Run) -> dict[str, Images]:
    """Dream at the guide's layer, without and with the guide."""
    config, image = run.config, sky(run, run.config.study_width)
    free = _dream(run, "free", image, layer(config.guide_layer), config.dream)
    led = _dream(run, "guided", image, guiding(run), config.dream, guide(run))
    return {f"Dream at {config.guide_layer}": free, "Guided by the flowers": led}


def zoom_frames(run: Run) -> Images:
    """Dream, magnify and dream again: ``(frames, 3, h, w)``, the photograph first."""
    config = run.config
    image = sky(run, config.zoom_width)

    def compute() -> dict[str, Tensor]:
        model, objective = run.model(config.model), layer(config.layer)
        frames = zoom(
            model, image, objective, frames=config.frames, factor=config.zoom, recipe=config.dream, store=run.store
        )
        return {"frames": torch.cat([image, *frames])}

    settings = config.model, config.layer, config.frames, config.zoom, config.dream
    return run.part("zoom", compute, *settings, image)["frames"]


def noise_dream(run: Run) -> tuple[Images, Images]:
    """Return noise, and the dream that starts from it."""
    config = run.config
    grey = 0.5 + 0.05 * torch.randn((1, 3, *config.noise_size), generator=generator("noise", run.seed))
    noise = grey.clamp(0, 1).to(run.device)
    return noise, _dream(run, "noise", noise, layer(config.layer), config.noise)


def _dream(run: Run, name: str, image: Images, objective: Objective, recipe: DreamRecipe, *made_from: Tensor) -> Images:
    """Dream as a part of the run; the same dream in two figures is dreamt once."""

    def compute() -> dict[str, Tensor]:
        return {"dream": deepdream(run.model(run.config.model), image, objective, recipe=recipe)}

    return run.part(name, compute, run.config.model, objective.name, recipe, image, *made_from)["dream"].to(run.device)


def energies(model: nn.Module, images: Images, layers: tuple[str, ...]) -> dict[str, float]:
    """Return half the mean squared activation of each layer: DeepDream's objective per activation."""
    with torch.no_grad():
        read = activations(model, images, layers)
    return {name: float(read[name].square().mean() / 2) for name in layers}


def class_probabilities(model: nn.Module, images: Images, side: int = 224) -> Tensor:
    """Return the mean softmax ``(1000,)`` over windows of `side` pixels that cover an image."""
    rows, columns = (_starts(length, side) for length in images.shape[-2:])
    windows = [images[..., top : top + side, left : left + side] for top in rows for left in columns]
    return evaluate(model, torch.cat(windows), [LOGITS])[LOGITS].softmax(1).mean(0)


def _starts(length: int, side: int) -> list[int]:
    count = -(-length // side)
    return [round(i * max(length - side, 0) / max(count - 1, 1)) for i in range(count)]


def changed_windows(before: Images, after: Images, side: int = 256, count: int = 3) -> list[tuple[slice, slice]]:
    """Return rows and columns of the windows that changed most and do not overlap."""
    side = min(side, *before.shape[-2:])
    strength = avg_pool2d((after - before).square().mean(1, keepdim=True), side, stride=side // 4)[0, 0]
    chosen: list[tuple[slice, slice]] = []
    for place in strength.flatten().argsort(descending=True).tolist():
        top, left = (step * (side // 4) for step in divmod(place, strength.shape[1]))
        if all(abs(top - rows.start) >= side or abs(left - columns.start) >= side for rows, columns in chosen):
            chosen.append((slice(top, top + side), slice(left, left + side)))
    return chosen[:count]


def unevenness(change: Tensor, window: int = 32) -> float:
    """Return how unevenly a change is spread: standard deviation over mean of its strength in windows of an image."""
    strength = avg_pool2d(change.square().mean(1, keepdim=True), window).sqrt()
    return float(strength.std() / strength.mean())


def kept_under_shifts(model: nn.Module, image: Images, layer: str) -> float:
    """Return the share of a layer's energy that is left after a shift of a few pixels, the mean of five shifts."""
    margin = 16
    height, width = image.shape[-2:]

    def energy(down: int, right: int) -> float:
        top, left = margin + down, margin + right
        window = image[..., top : height - margin + down, left : width - margin + right]
        return energies(model, window, (layer,))[layer]

    shifts = ((3, 5), (8, 8), (-7, 2), (4, -12), (-5, -9))
    return sum(energy(*shift) for shift in shifts) / len(shifts) / energy(0, 0)


def spectral_slope(images: Images) -> float:
    """Return the exponent of an image's power spectrum; that of photographs is about -2."""
    frequencies, energy = radial_spectrum(images)
    chosen = (frequencies > 0.03) & (frequencies < 0.3)
    power = energy[0] / frequencies  # a ring's area grows with its radius
    slope, _ = np.polyfit(frequencies[chosen].log().numpy(), power[chosen].log().numpy(), 1)
    return float(slope)


def sky_classes(run: Run) -> dict[str, Tensor]:
    """Return the classes' mean probabilities ``(1000,)`` over windows of the sky, before and after the dream."""
    before, after = sky(run), sky_dream(run)

    def compute() -> dict[str, Tensor]:
        model = run.model(run.config.model)
        return {"Photograph": class_probabilities(model, before), "Dream": class_probabilities(model, after)}

    return run.part("classes", compute, run.config.model, before, after)


def gains(run: Run) -> Tensor:
    """Return by how much the dream raises each class's mean probability: ``(1000,)``."""
    found = sky_classes(run)
    return found["Dream"] - found["Photograph"]


def blurred_correlation(before: Images, after: Images, sigma: float = 16) -> float:
    """Return the correlation of two images' pixels after a Gaussian blur of `sigma` pixels."""
    blurred = [gaussian_filter(image.cpu().numpy(), (0, 0, sigma, sigma)).ravel() for image in (before, after)]
    return float(torch.corrcoef(torch.stack([torch.from_numpy(values) for values in blurred]))[0, 1])


def class_map(run: Run) -> Tensor:
    """Lay the classes out so that those with similar weights in the last layer are neighbours: ``(1000, 2)``."""
    model = run.model(run.config.model)
    *_, last = (layer for layer in model.modules() if isinstance(layer, nn.Linear))
    return run.part("class-map", lambda: {"points": umap_map(last.weight)}, run.config.model)["points"]
