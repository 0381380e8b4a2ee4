"""The figures, in the article's order."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.figure import Figure

from innerview.core.spectrum import radial_spectrum
from innerview.core.types import Images
from innerview.figures import bars, histograms, lines, panels
from innerview.models import class_labels
from innerview.replicate import Run
from replication.olah2017_feature_visualization import many, photographs, regularization, trained, visuals

Rows = Mapping[str, Sequence[Images]]


SHOWN = 224
"""About as many pixels of the figure are a picture's side; a page shows half of them."""


def shown(pictures: Mapping[str, Images], *, columns: int | None = None, side: int = SHOWN) -> Figure:
    """Draw pictures, enlarged by a whole number."""
    return panels(pictures, columns=columns, scale=max(1, side // next(iter(pictures.values())).shape[-1]))


def rows(pictures: Rows, *, side: int = SHOWN) -> Figure:
    """Draw each row of pictures under its title."""
    columns = max(len(row) for row in pictures.values())
    flat: dict[str, Images] = {}
    for number, (title, row) in enumerate(pictures.items()):
        blanks = [" " * (1 + number * columns + place) for place in range(columns - 1)]
        cells = [*row, *[torch.ones_like(row[0])] * (columns - len(row))]
        flat |= dict(zip([title, *blanks], cells, strict=True))
    return shown(flat, columns=columns, side=side)


def singles(images: Images) -> list[Images]:
    """Split a batch into images."""
    return list(images.split(1))


def growth_figure(run: Run) -> Figure:
    """One picture as it is made."""
    return shown({f"Step {step}": image for step, image in visuals.growth(run).items()})


def objectives_figure(run: Run) -> Figure:
    """What each kind of objective shows."""
    return shown(visuals.objective_pictures(run))


def classes_figure(run: Run) -> Figure:
    """Classes by their logit and by their probability."""
    labels = class_labels(run.model(run.config.model))
    drawn = visuals.class_pictures(run)
    pictures = {
        f"{labels[index]}, {kind}": images[place : place + 1]
        for kind, images in drawn.items()
        for place, index in enumerate(run.config.classes)
    }
    return shown(pictures, columns=len(run.config.classes))


def gains_figure(run: Run) -> Figure:
    """Where the gain of log odds comes from."""
    labels = class_labels(run.model(run.config.model))
    found = visuals.gains(run)
    rising, falling = {}, {}
    for place, index in enumerate(run.config.classes):
        for kind in found:
            rising[f"{labels[index]}, {kind}"], falling[f"{labels[index]}, {kind}"] = found[kind][place].tolist()
    return bars({"The class rises": rising, "The others fall": falling}, "Part of the gain of log odds")


def examples_figure(run: Run) -> Figure:
    """Photographs that excite units, beside what optimization makes."""
    drawn = {}
    for unit, image in visuals.explained(run).items():
        found = photographs.examples(run, unit)
        drawn[f"{unit}"] = [image, *singles(_fitted(found, image.shape[-1]))]
    return rows(drawn)


def signs_figure(run: Run) -> Figure:
    """From what a unit hates to what it loves."""
    lowered, raised = visuals.both_signs(run)
    size = lowered.shape[-1]
    found = {
        title.capitalize(): singles(_fitted(images, size)) for title, images in photographs.signed_examples(run).items()
    }
    return rows({"Optimized: negative": [lowered], **found, "Optimized: positive": [raised]})


def _fitted(images: Images, size: int) -> Images:
    return torch.nn.functional.interpolate(images, (size, size), mode="bicubic", antialias=True).clamp(0, 1)


def diversity_figure(run: Run) -> Figure:
    """Several pictures of a unit, without and with the diversity term, above photographs."""
    drawn = {}
    for unit, (alike, spread) in visuals.variants(run).items():
        found = _fitted(photographs.examples(run, unit), alike.shape[-1])
        drawn[f"{unit}, plain"] = singles(alike)[:2]
        drawn[f"{unit}, diverse"] = singles(spread)
        drawn[f"{unit}, photographs"] = singles(found)
    return rows(drawn)


def joint_figure(run: Run) -> Figure:
    """Two units and their sum."""
    return shown(visuals.joint(run))


def directions_figure(run: Run) -> Figure:
    """Random directions."""
    drawn = visuals.direction_pictures(run)
    return shown({f"Direction {place}": image for place, image in enumerate(singles(drawn), start=1)}, columns=3)


def purity_figure(run: Run) -> Figure:
    """How pure the top photographs of channels and random directions are."""
    found = photographs.purities(run)
    return histograms(
        {"Channels": found["channels"].numpy(), "Random directions": found["directions"].numpy()},
        "Share of the ten top photographs in their most common class", "Share of units",
    )  # fmt: skip


def interpolation_figure(run: Run) -> Figure:
    """From one unit to another."""
    return rows({title: singles(images) for title, images in visuals.interpolated(run).items()})


def enemies_figure(run: Run) -> Figure:
    """One unit without, and with, what the article recommends."""
    return shown(regularization.enemies(run))


def enemy_spectrum_figure(run: Run) -> Figure:
    """Energy over spatial frequencies, for each of these ways."""
    curves = {}
    for title, image in regularization.enemies(run).items():
        frequencies, energy = radial_spectrum(image)
        curves[title] = (frequencies.numpy(), (energy[0] / energy[0].sum()).numpy())
    return lines(curves, "Spatial frequency, cycles per pixel", "Share of the picture's energy", log="y")


def regularization_figure(run: Run) -> Figure:
    """The spectrum of regularization: a row for each kind, a column for each number of steps."""
    return rows({title: list(stages.values()) for title, stages in regularization.regularized(run).items()}, side=192)


def metrics_figure(run: Run) -> Figure:
    """Steepest ascent under four metrics."""
    return shown(regularization.steepest(run))


def spaces_figure(run: Run) -> Figure:
    """The same ascent in three parameterizations, after some numbers of steps."""
    drawn = {}
    for title, part in regularization.convergence(run).items():
        stages = sorted(int(name.split()[1]) for name in part if name.startswith("after"))
        drawn[title] = [part[f"after {step}"][:1] for step in stages]
    return rows(drawn)


def convergence_figure(run: Run) -> Figure:
    """How the objective rises in each parameterization."""
    curves = {}
    for title, part in regularization.convergence(run).items():
        mean = part["history"].mean(1).unfold(0, min(8, len(part["history"])), 1).mean(-1)
        curves[title] = (np.arange(1, len(mean) + 1), mean.numpy())
    return lines(curves, "Step", "Mean activation", log="x")


def grid_figure(run: Run) -> Figure:
    """The gradient at a few magnifications, and the mean size of it by the pixel's place."""
    found = trained.grid(run)
    gradient = found["gradient"][:, 40:88, 40:88]
    reach = gradient.abs().amax().clamp(min=1e-12)
    place = found["profile/8"].float().repeat(6, 6)
    drawn = {
        "Gradient, 48 pixels": (0.5 + 0.5 * gradient / reach * 2).clamp(0, 1)[None],
        "Its mean size by place modulo 8": grey(place)[None].expand(1, 3, -1, -1),
    }
    return panels(drawn, scale=5)


def grey(values: torch.Tensor) -> torch.Tensor:
    """Scale numbers so that the smallest is black and the largest white."""
    low, high = values.min(), values.max()
    return (values - low) / (high - low).clamp(min=1e-12)


def grid_spectrum_figure(run: Run) -> Figure:
    """How far the strides' periods stand out of the spectrum of the gradient and of its strength."""
    found = trained.grid(run)
    periods = [f"{period} pixels" for period in found["periods"].tolist()]
    groups = {"Gradient": found["ratios"], "Its strength": found["strength/ratios"]}
    return bars(
        {title: dict(zip(periods, ratios.tolist(), strict=True)) for title, ratios in groups.items()},
        "Power at the period over the power around it (1: no grid)",
    )


def decoders_figure(run: Run) -> Figure:
    """What decoders of either kind draw, before and after training."""
    found = trained.decoders(run)
    drawn = {
        "Deconvolution, untrained": found["deconvolution/untrained/images"],
        "Resize and convolve, untrained": found["resize/untrained/images"],
        "Deconvolution, trained": found["deconvolution/trained/images"],
        "Resize and convolve, trained": found["resize/trained/images"],
        "The photographs": found["photographs/images"],
    }
    return rows({title: singles(images) for title, images in drawn.items()}, side=192)


def prior_figure(run: Run) -> Figure:
    """Units as the trained decoder may draw them, under what free optimization makes."""
    free = [_fitted(image, 112) for image in visuals.explained(run).values()]
    bound = [_fitted(image, 112) for image in singles(trained.with_prior(run))]
    return rows({"Free": free, "Drawn by a decoder": bound})


def ages_figure(run: Run) -> Figure:
    """Channels of a small network, one a row, as it learns from left to right."""
    accuracies, ages = trained.small(run)["accuracy"].tolist(), trained.ages(run)
    titles = [f"Epoch {epoch:g}, {share:.0%} right" for epoch, share in zip(ages, accuracies, strict=True)]
    drawn = {
        title if channel == 0 else f"{' ' * (1 + channel * len(titles) + place)}": images[channel : channel + 1]
        for channel in range(len(run.config.small_channels))
        for place, (title, images) in enumerate(zip(titles, ages.values(), strict=True))
    }
    return shown(drawn, columns=len(titles), side=192)


def digits_figure(run: Run, count: int = 3) -> Figure:
    """The digits that excite some units, and some random directions, most."""
    found = trained.handwritten(run)
    tests, drawn = found["tests"], {}
    for name, title in (("unit tops", "Unit"), ("direction tops", "Random direction")):
        for number in range(count):
            drawn[f"{title} {number + 1}"] = singles(tests[found[name][number, :7]])
    return rows(drawn, side=112)


def sprites_figure(run: Run) -> Figure:
    """Channels of a layer as icons."""
    return panels({"": many.sprites(run).sheet()}, scale=2)


def activation_grid_figure(run: Run) -> Figure:
    """A photograph, and what a layer sees at every place of it."""
    found = many.grid(run)
    image = _fitted(many.photograph(run), found.sheet().shape[0])
    return panels({"Photograph": image, "What the layer sees, sized by its strength": found.sheet(scaled=True)})


def groups_figure(run: Run) -> Figure:
    """Neuron groups of a photograph: each as a picture, and where it is."""
    drawn, where = many.groups(run)
    return rows({"Group": singles(drawn), "Where it is": singles(where)})


def spaces_gallery_figure(run: Run) -> Figure:
    """One unit in other parameterizations."""
    return shown(many.parameterizations(run))
