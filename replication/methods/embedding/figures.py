"""The figures of the page: what was measured, drawn; and the zoomable map."""

from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.figure import Figure

from innerview.atlas import photograph_sheet
from innerview.atlas.export import export_explorer
from innerview.core.images import read_image, to_array
from innerview.figures import Mosaic, bars, lines, mosaics, panels, scattered
from innerview.replicate import Run
from innerview.replicate.tables import Table
from replication.methods.embedding import measures, vectors

THUMB: Final = 22
WIDE: Final = 620
"""Pixels of the sides of a photograph and of a whole map, where several maps stand side by side."""

CELL: Final = 40


def neighbors_figure(run: Run) -> Figure:
    """Photographs with their nearest others: by features above, by pixels below."""
    photos, size, drawn = vectors.photographs(run), run.config.size, {}
    for one, rows in measures.queries(run).items():
        for name, others in rows.items():
            drawn[f"{photos[one].label.capitalize()}, by {name}"] = read_image(photos[one].path, (size, size))
            for place, other in enumerate(others):
                key = f"{photos[other].label}" + " " * (len(drawn) + place)
                drawn[key] = read_image(photos[other].path, (size, size))
    return panels(drawn, columns=7)


def maps_figure(run: Run) -> Figure:
    """The photographs at their places on each map, over one another."""
    small = to_array(vectors.pictures(run, THUMB))
    return panels(
        {measures.KINDS[name]: scattered(small, measures.maps(run)[name].numpy(), WIDE) for name in run.config.maps}
    )


def grid_figure(run: Run) -> Figure:
    """The photographs in the cells of a grid, by t-SNE."""
    cells = measures.grids(run)["tsne"]
    pictures = to_array(vectors.pictures(run, CELL))
    whole = Mosaic(pictures, cells[:, 0].numpy(), cells[:, 1].numpy(), int(cells.max()) + 1)
    return mosaics({"t-SNE, every photograph in a cell of its own": whole})


def purity_figure(run: Run) -> Figure:
    """Purity in the spaces, on the maps and in the grids."""
    found = measures.purities(run)
    rows = {"Chance": vectors.chance(run), "Pixels": found["pixels"], "Features": found["features"]}
    for name in run.config.maps:
        title = measures.KINDS[name]
        rows |= {f"{title}, map": found[name], f"{title}, grid": found[f"{name} grid"]}
    return bars({"": rows}, f"Share of the {run.config.neighbors} nearest that are of the same class")


def depth_figure(run: Run) -> Figure:
    """Purity in each layer, from the image up."""
    found = list(measures.depth(run).values())
    label = "Features"
    return lines(
        {label: (np.arange(1, len(found) + 1), found)}, "Layer, from the image up", "Purity",
        reference={"Chance": vectors.chance(run)}, markers=True,
    )  # fmt: skip


def maps_table(run: Run) -> Table:
    """Trustworthiness and purity of maps and grids."""
    trust, pure = measures.trust(run), measures.purities(run)
    rows = [
        {
            "map": measures.KINDS[name],
            "trust": f"{trust[name]:.3f}",
            "trust grid": f"{trust[f'{name} grid']:.3f}",
            "pure": f"{pure[name]:.3f}",
            "pure grid": f"{pure[f'{name} grid']:.3f}",
        }
        for name in run.config.maps
    ]
    columns = {
        "map": "Map", "trust": "Trustworthiness", "trust grid": "In the grid", "pure": "Purity",
        "pure grid": "In the grid",
    }  # fmt: skip
    count = run.config.neighbors
    told = f"{len(vectors.labels(run))} photographs, {count} neighbours; purity by features {pure['features']:.3f}"
    return Table(rows, columns, f"{told}, by pixels {pure['pixels']:.3f}, by chance {vectors.chance(run):.3f}")


def depth_table(run: Run) -> Table:
    """Purity of each layer by name."""
    rows = [{"layer": name, "purity": f"{value:.3f}"} for name, value in measures.depth(run).items()]
    columns = {"layer": "Layer", "purity": "Purity"}
    return Table(rows, columns, f"{len(vectors.through_layers(run)[0])} photographs, features averaged over positions")


def explorer(run: Run, folder: Path) -> Path:
    """Write the zoomable maps: each photograph in its cell, and a class chosen fades all others."""
    names = vectors.labels(run)
    labels = sorted(set(names))
    images, numbers = vectors.pictures(run, run.config.shown), [labels.index(name) for name in names]
    sheets = [
        photograph_sheet(
            images, measures.maps(run)[name], measures.grids(run)[name], numbers, title=measures.KINDS[name]
        )
        for name in (*run.config.maps[1:], *run.config.maps[:1])  # principal axes last
    ]
    title = f"{len(names)} photographs by {run.config.model}"
    return export_explorer(folder, sheets, labels, title=title, keep=1)
