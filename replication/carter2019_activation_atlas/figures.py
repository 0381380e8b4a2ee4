"""The figures of the page: what a run made, drawn."""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn.functional import interpolate

from innerview.atlas import Level, focus, histogram, typical
from innerview.atlas.export import Sheet, export_explorer
from innerview.atlas.sources import read_images
from innerview.core.images import contact_sheet, to_array
from innerview.core.types import Images
from innerview.figures import Arrow, Block, Mosaic, diagram, histograms, lines, mosaics, panels, spread_names
from innerview.replicate import Run
from innerview.replicate.tables import Table
from replication.carter2019_activation_atlas import atlases, measures, patching
from replication.carter2019_activation_atlas.atlases import atlas, collection, labels, whitened


def mosaic(level: Level, names: list[str] | None = None, *, apart: float = 3, opacity: Tensor | None = None) -> Mosaic:
    """Return a level as a mosaic; of the classes' names, those of the cells that speak most for their first class."""
    plain = Mosaic(
        to_array(level.icons.images),
        level.grid.rows.numpy(),
        level.grid.columns.numpy(),
        level.grid.density,
        None if opacity is None else opacity.numpy(),
    )
    if not names:
        return plain
    first = level.attributions.max(1)
    told = [names[index] for index in first.indices.tolist()]
    chosen = spread_names(plain, told, first.values.numpy(), apart)
    return Mosaic(plain.pictures, plain.rows, plain.columns, plain.density, plain.opacity, chosen)


def method_figure(run: Run) -> Figure:
    """The way from photographs to an atlas."""
    count = len(collection(run, run.config.main))
    blocks = [
        Block("photographs", 0, 0, "Photographs", f"{len(atlases.photographs(run))}", 0),
        Block("activations", 1, 0, "Activations", f"{count} vectors\nof {run.config.main}", 0),
        Block("layout", 2, 0, "Layout", "whitening,\nUMAP", 1),
        Block("grid", 3, 0, "Grid", "mean of\neach cell", 1),
        Block("icons", 4, 0, "Icons", "feature\nvisualization", 2),
        Block("attributions", 3, 1, "Labels", "attribution\nto classes", 2),
    ]
    chain = [Arrow(one.name, other.name) for one, other in pairwise(blocks[:5])]
    return diagram(blocks, [*chain, Arrow("activations", "attributions")], width=7.2)


def atlas_figure(run: Run, which: int = -1) -> Figure:
    """The atlas of the main layer, at its coarsest density or another."""
    level = atlas(run, run.config.main).levels[which]
    return mosaics({"": mosaic(level, labels(run), apart=max(2.5, level.grid.density / 7))}, scale=1)


def explorer(run: Run, folder: Path) -> Path:
    """Write the explorer of all atlases."""
    config, names = run.config, labels(run)
    sheets = [Sheet(atlas(run, layer), layer) for layer in (config.main, *config.layers)]
    sheets = [sheets[0], *(sheet for sheet in sheets[1:] if sheet.title != config.main)]
    sheets += [Sheet(atlases.class_atlas(run, name), name.capitalize(), "Classes") for name in config.classes]
    sheets += [
        Sheet(atlases.class_atlas(run, config.through, layer), f"{config.through.capitalize()}, {layer}", "Over layers")
        for layer in config.layers
    ]
    first, second = config.pair
    title = f"{second.capitalize()} (left) and {first} (right)"
    sheets.append(Sheet(atlases.pair_atlas(run), title, "Two classes"))
    sheets.append(Sheet(atlases.ten_atlas(run), f"Ten classes, {config.class_layer}", "Other photographs"))
    return export_explorer(folder, sheets, names, title=f"Activation atlas of {config.model}")


def layers_figure(run: Run) -> Figure:
    """The atlases of all layers at their coarsest density."""
    shown = {layer: mosaic(atlas(run, layer).levels[0]) for layer in run.config.layers}
    return mosaics(shown, columns=min(len(shown), 3))


def specificity_figure(run: Run) -> Figure:
    """Over how many classes the cells of each layer spread their attribution."""
    found = {
        layer: 2 ** measures.entropies(atlas(run, layer).levels[0].attributions).numpy() for layer in run.config.layers
    }
    return histograms(found, "Classes that share a cell's attribution (2 to the entropy)", "Share of cells")


def class_figure(run: Run) -> Figure:
    """The atlases of single classes."""
    shown = {name.capitalize(): mosaic(atlases.class_atlas(run, name).levels[0]) for name in run.config.classes}
    return mosaics(shown)


def through_figure(run: Run) -> Figure:
    """One class in all layers."""
    name = run.config.through
    return mosaics({layer: mosaic(atlases.class_atlas(run, name, layer).levels[0]) for layer in run.config.layers})


def pair_figure(run: Run) -> Figure:
    """What tells two classes apart."""
    level = atlases.pair_atlas(run).levels[0]
    return mosaics({"": mosaic(level, labels(run), apart=2)}, scale=1)


def focus_figure(run: Run) -> Figure:
    """Where some classes live in the atlas of the classes' layer."""
    level = atlas(run, run.config.class_layer).levels[-1]
    shown = {}
    for name, index in zip(run.config.focus, atlases.indices(run, run.config.focus), strict=True):
        values = level.attributions[:, index].clamp(min=0)
        shown[name.capitalize()] = mosaic(level, opacity=0.12 + 0.88 * values / values.max().clamp(min=1e-12))
    return mosaics(shown, columns=min(3, len(shown)))


def focus_icons_figure(run: Run) -> Figure:
    """The cells that speak most for each of some classes."""
    level, names = atlas(run, run.config.class_layer).levels[-1], labels(run)
    wanted = [index for index in atlases.indices(run, run.config.focus) if level.attributions[:, index].max() > 0]
    found = focus(level, wanted or [int(level.attributions.mean(0).argmax())], count=6)  # few photographs may lack some
    return strips({names[index].capitalize(): level.icons.images[cells] for index, cells in found.items()})


def strips(shown: Mapping[str, Images], scale: int = 2) -> Figure:
    """Draw images in rows, each row under its title."""
    rows = {title: contact_sheet(to_array(images), len(images)) for title, images in shown.items()}
    return panels(rows, columns=1, scale=scale)


def objective_figure(run: Run) -> Figure:
    """The same cells' icons by several objectives."""
    return strips(atlases.objective_icons(run, atlases.objectives(run.config)))


def aligned_figure(run: Run) -> Figure:
    """The same cells with icons that start from noise of their own, and from the same noise."""
    level = atlas(run, run.config.main).levels[0]
    return mosaics({"Own starts": mosaic(level), "One start": mosaic(atlases.aligned_level(run))})


def query_figure(run: Run, points: int = 4, count: int = 5) -> Figure:
    """Points of the atlas, and the photographs whose activations lie there."""
    level, found = atlas(run, run.config.main).levels[0], collection(run, run.config.main)
    source, whole = atlases.photographs(run), whitened(run, run.config.main)
    strong, side = level.attributions.amax(1).numpy(), 2 * level.icons.images.shape[-1]
    rows = {}
    for cell in list(spread_names(mosaic(level), [str(cell) for cell in range(len(level.grid))], strong, 3))[:points]:
        members = typical(level, found, whole, cell, count)
        icon = interpolate(level.icons.images[cell][None], (side, side), mode="nearest")
        title = f"Row {int(level.grid.rows[cell]) + 1}, column {int(level.grid.columns[cell]) + 1}"
        rows[title] = torch.cat([icon, read_images(source, found.images[members].tolist(), side)])
    return strips(rows, scale=1)


def data_figure(run: Run) -> Figure:
    """What ten classes' photographs make of a layer, beside those of a thousand classes."""
    layer, names = run.config.class_layer, labels(run)
    shown = {
        "A thousand classes": mosaic(atlas(run, layer).levels[0], names, apart=2.5),
        "Ten classes": mosaic(atlases.ten_atlas(run).levels[0], names, apart=2.5),
    }
    return mosaics(shown)


def histogram_figure(run: Run) -> Figure:
    """Where the photographs of ten classes lie in the atlas of a thousand."""
    layer = run.config.class_layer
    level, whole = atlas(run, layer).levels[0], whitened(run, layer)
    counts = histogram(level, whole, atlases.ten_collection(run).activations).float()
    share = (counts / counts.sum()).sqrt()
    own = (level.grid.counts / level.grid.counts.sum()).sqrt()
    return mosaics(
        {
            "Where the thousand lie": mosaic(level, opacity=own / own.max()),
            "Where the ten lie": mosaic(level, opacity=share / share.max()),
        }
    )


def other_figure(run: Run) -> Figure:
    """The atlas of another network, from the same photographs."""
    config = run.config
    own, other = atlas(run, config.class_layer).levels[0], atlases.other_atlas(run).levels[0]
    return mosaics(
        {
            f"{config.model}, {config.class_layer}": mosaic(own, labels(run)),
            f"{config.other_model}, {config.other_layer}": mosaic(other, labels(run, config.other_model)),
        }
    )


def patches_figure(run: Run) -> Figure:
    """The article's patches on the single photographs at hand."""
    pictures = {}
    for attack in run.config.attacks:
        for title, (image, seen) in patching.shown(run, attack).items():
            pictures[f"{title}: {seen}"] = image
    return panels(pictures, columns=3)


def sizes_figure(run: Run, which: int = 0) -> Figure:
    """What the network sees while a patch grows."""
    attack = run.config.attacks[which]
    found = patching.grown(run, attack)
    curves = {
        name.capitalize(): (np.array(found.shares), found.probabilities[:, place].numpy())
        for place, name in enumerate((attack.source, attack.target, attack.named))
    }
    return lines(curves, "Width of the patch, share of the photograph's", "Probability", markers=True)


def attacks_table(run: Run) -> Table:
    """The article's rates beside what the single photographs give."""
    rows = []
    for attack in run.config.attacks:
        patch, noise = patching.article_attack(run, attack)
        rows.append(
            {
                "pair": f"{attack.source} to {attack.target}",
                "patch": attack.named,
                "article": " / ".join(f"{rate:g}" for rate in attack.patched),
                "article noise": " / ".join(f"{rate:g}" for rate in attack.noise),
                "ours": f"{100 * patch.probability_before:.1f}: {100 * patch.probability_best:.1f} / "
                f"{100 * patch.probability_fixed:.1f}",
                "noise": f"{100 * noise.probability_best:.1f} / {100 * noise.probability_fixed:.1f}",
                "predicted": "yes" if patch.success_best else "no",
            }
        )
    columns = {
        "pair": "Photograph, target",
        "patch": "Patch",
        "article": "Article",
        "article noise": "Its noise",
        "ours": "Here",
        "noise": "Our noise",
        "predicted": "Succeeds",
    }
    title = (
        "Best / fixed place. Article: success, %. Here, on one photograph: the target's probability before, and then, %"
    )
    return Table(rows, columns, title)


def pairs_table(run: Run) -> Table:
    """Success of the patches that the atlas suggests for pairs of ten classes."""
    names, rows = labels(run), []
    for pair, found in patching.attacked(run).items():
        row = {"pair": f"{names[pair.source]} to {names[pair.target]}", "patch": names[pair.suggestion.named]}
        for way, attack in found.items():
            row[way] = f"{100 * attack.success_best:.0f} / {100 * attack.success_fixed:.0f}"
        rows.append(row)
    columns = {
        "pair": "Photographs, target",
        "patch": "Suggested",
        "photograph": "Photograph",
        "icon": "Icon",
        "random": "Random",
        "noise": "Noise",
    }
    return Table(rows, columns, "Success at the best / fixed place, %")


def near_table(run: Run) -> Table:
    """Success of patches between classes that the network already confuses."""
    titles = {"photograph": "Suggested", "random": "Random photograph", "noise": "Noise"}
    rows = [
        {
            "way": titles[way],
            "fixed": f"{100 * rates['fixed']:.0f}",
            "best": f"{100 * rates['best']:.0f}",
            "probabilities": " / ".join(
                f"{100 * rates[key]:.1f}" for key in ("before", "probability fixed", "probability best")
            ),
        }
        for way, rates in patching.near(run).items()
    ]
    count = int(next(iter(patching.near(run).values()))["count"])
    columns = {
        "way": "Patch",
        "fixed": "Success at the fixed place, %",
        "best": "At the best place, %",
        "probabilities": "Target's probability before / fixed / best, %",
    }
    return Table(rows, columns, f"{count} photographs, each pushed to the class that the network thinks of second")
