"""The figures of the page: what a run computed, drawn."""

from itertools import pairwise

from matplotlib.figure import Figure

from innerview.core.types import Images
from innerview.figures import Arrow, Block, bars, diagram, lines, panels
from innerview.replicate import Run
from replication.gatys2015_texture.config import Way, layer_sets, networks, parameter_counts
from replication.gatys2015_texture.probes import accuracies
from replication.gatys2015_texture.textures import before, by_source, descents, layer_distances, made, sample, textures


def pebbles_figure(run: Run) -> Figure:
    """The pebbles and the texture made of them, at the paper's size."""
    config = run.config
    found = made(run, Way(config.model, config.layers), config.pebbles, main=True).images
    return panels({"Photograph": sample(config.pebbles, config.size), "Texture": found}, scale=2)


def method_figure(run: Run) -> Figure:
    """How a texture is made: the same layers for the photograph and for the noise."""
    names = run.config.layers
    blocks = [
        Block("sample", 0, 0, "Photograph", "fixed", 0),
        Block("image", 0, 1, "New image", "starts as noise", 1),
        *(Block(f"{row} {name}", 1 + place, row, name, "Gram matrix", row)
          for row in (0, 1) for place, name in enumerate(names)),
        Block("loss", 1 + len(names), 0.5, "Loss", "squared\ndifferences", 2),
    ]  # fmt: skip
    arrows = []
    for row, start in enumerate(("sample", "image")):
        chain = [start, *(f"{row} {name}" for name in names), "loss"]
        arrows += [Arrow(first, second) for first, second in pairwise(chain)]
    return diagram(blocks, arrows, width=7.2)


def layers_figure(run: Run) -> Figure:
    """Textures of each photograph with more and more layers, a row for each."""
    pictures: dict[str, Images] = {}
    for row, source in enumerate(run.config.sources):
        drawn = {"Photograph": sample(source, run.config.study_size), **by_source(run, source)}
        # Titles stand over the first row alone; blank ones of several lengths tell the others apart.
        pictures |= {(title if row == 0 else " " * place): image
                     for place, (title, image) in enumerate(drawn.items(), 1 + 10 * row)}  # fmt: skip
    return panels(pictures, columns=1 + len(run.config.layers), scale=2)


def parameters_figure(run: Run) -> Figure:
    """Textures of the pebbles from fewer and from more correlations."""
    found = textures(run, parameter_counts(run.config))
    return panels({"Photograph": sample(run.config.pebbles, run.config.study_size), **found}, scale=2)


def networks_figure(run: Run) -> Figure:
    """Textures of the pebbles from other networks."""
    found = textures(run, networks(run.config))
    return panels({"Photograph": sample(run.config.pebbles, run.config.study_size), **found}, scale=2)


def distances_figure(run: Run) -> Figure:
    """How far each texture's Gram matrices are from the photograph's, layer by layer."""
    drawn = {title: layer_distances(run, image) for title, image in textures(run, layer_sets(run.config)).items()}
    return bars(drawn, "Relative distance of Gram matrices", xscale="log")


def descents_figure(run: Run) -> Figure:
    """The loss at each step, for both optimisers."""
    series = {}
    for label, found in descents(run).items():
        history = found.history[0].numpy()
        series[label] = (range(1, len(history) + 1), history)
    return lines(series, "Evaluation of the loss", "Loss", log="xy")


def probes_figure(run: Run) -> Figure:
    """What a linear classifier tells from Gram matrices, and from activations with their places."""
    titles = {"gram": "Gram matrices", "positions": "Activations with their places"}
    found = accuracies(run)
    return bars({titles[kind]: found[kind] for kind in titles}, "Photographs classified rightly, %", xlim=(0, 100))


def before_figure(run: Run) -> Figure:
    """What came before, beside Gram matrices."""
    return panels({"Sample": sample(run.config.pebbles, run.config.before_sample), **before(run)}, scale=3)
