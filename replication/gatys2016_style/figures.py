"""The figures of the page: what a run computed, drawn."""

import numpy as np
from matplotlib.figure import Figure

from innerview.figures import lines, panels
from innerview.replicate import Run
from replication.gatys2016_style import networks
from replication.gatys2016_style.config import (
    color_variants,
    content_variants,
    grid_variants,
    mixed_variants,
    reading_variants,
    start_variants,
    style_variants,
)
from replication.gatys2016_style.transfers import (
    content_reconstructions,
    distances,
    four_styles,
    inversions,
    mixtures,
    picture,
    single_styles,
    style_reconstructions,
    transferred,
)


def styles_figure(run: Run) -> Figure:
    """The photograph in the styles of Fig. 2, each below its painting."""
    config = run.config
    found = transferred(run, style_variants(config))
    return panels({"Photograph": picture(config.photo, config.size), **found}, columns=2, scale=2)


def paintings_figure(run: Run) -> Figure:
    """The pictures that lend their styles."""
    return panels({style.title: picture(style.photo, 120) for style in run.config.styles})


def reconstructions_figure(run: Run) -> Figure:
    """What each layer keeps of the content, and what of the style; Fig. 1."""
    contents = {layer: found.images for layer, found in content_reconstructions(run).items()}
    return panels(contents, columns=len(contents), scale=2)


def style_reconstructions_figure(run: Run) -> Figure:
    """What more and more layers keep of the style; Fig. 1."""
    found = style_reconstructions(run)
    return panels(found, columns=len(found), scale=2)


def grid_figure(run: Run) -> Figure:
    """More layers of the style (rows) by the ratio of content and style (columns); Fig. 3."""
    return panels(transferred(run, grid_variants(run.config)), columns=len(run.config.ratios), scale=2)


def trade_off_figure(run: Run) -> Figure:
    """How far the pictures of the grid are from content and style."""
    config = run.config
    found = {title: distances(run, one) for title, one in grid_variants(config).items()}
    count = len(config.ratios)
    series = {}
    for row, layer in enumerate(config.style_layers):
        some = list(found.values())[row * count : (row + 1) * count]
        label = layer if row == 0 else f"up to {layer}"
        series[label] = ([style for _, style in some], [content for content, _ in some])
    return lines(series, "Distance from the style", "Distance from the content", log="xy", markers=True)


def content_layers_figure(run: Run) -> Figure:
    """The content compared at a low layer and at a high one; Fig. 5."""
    return panels(transferred(run, content_variants(run.config)), scale=2)


def starts_figure(run: Run) -> Figure:
    """The same picture from several starts; Fig. 6."""
    return panels(transferred(run, start_variants(run.config)), columns=2, scale=2)


def colors_figure(run: Run) -> Figure:
    """The same picture in the style's colours and in the content's."""
    return panels(transferred(run, color_variants(run.config)), scale=2)


def mixed_figure(run: Run) -> Figure:
    """Two styles, apart and together."""
    return panels(transferred(run, mixed_variants(run.config)), columns=2, scale=2)


def readings_figure(run: Run) -> Figure:
    """One ratio in two units."""
    return panels(transferred(run, reading_variants(run.config)), scale=2)


def inversions_figure(run: Run) -> Figure:
    """Natural images with the content's activations."""
    found = {layer: one.images for layer, one in inversions(run).items()}
    return panels(found, columns=len(found), scale=2)


def four_styles_figure(run: Run) -> Figure:
    """Four styles from one network."""
    return panels(four_styles(run), columns=2, scale=2 if run.config.fast_size < 400 else 1)


def mixtures_figure(run: Run) -> Figure:
    """From one style to another."""
    found = mixtures(run)
    return panels(found, columns=len(found))


def normalizations_figure(run: Run) -> Figure:
    """Batch against instance normalization after equally many steps."""
    return panels({"Photograph": picture(run.config.photo, run.config.fast_size), **single_styles(run)})


def training_figure(_run: Run) -> Figure:
    """The losses of the two trainings that differ in their normalization."""
    told = networks.numbers()
    series = {}
    for name in ("batch", "instance"):
        losses = told[name]["losses"]
        steps = np.linspace(0, told[name]["recipe"]["steps"], len(losses) + 1)[1:]
        series[f"{name.capitalize()} normalization"] = (steps, np.array(losses))
    return lines(series, "Step", "Loss", log="y")
