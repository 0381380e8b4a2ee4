"""The figures of the page: what was measured, drawn."""

from typing import Final

import numpy as np
import torch
from matplotlib.figure import Figure

from innerview.core.images import center_crop, contact_sheet, read_image, to_array
from innerview.dissection import Box
from innerview.figures import Marked, lines, outlines, panels
from innerview.replicate import Run
from innerview.replicate.tables import Table
from replication.methods.patches import measures

THEORETICAL: Final = "Receptive field: all that can matter"
SHOWN: Final = 6
"""Layers of which fields are drawn."""


def corners(box: Box) -> torch.Tensor:
    """Return a box as it is drawn: ``x0, y0, x1, y1``."""
    return torch.tensor([[box.left, box.top, box.right, box.bottom]])


def effective_label(run: Run) -> str:
    """Say what the effective field is."""
    return f"Effective field: {run.config.share:.0%} of the influence"


def fields_figure(run: Run) -> Figure:
    """Both fields of the middle positions of some layers, over a photograph."""
    image, found = measures.squares(run, 3)[1:2], measures.fields(run)
    names = [run.config.layers[place] for place in np.linspace(0, len(found) - 1, SHOWN).astype(int)]
    drawn = [
        Marked(
            name,
            image,
            {
                THEORETICAL: corners(found[name].reckoned),
                effective_label(run): corners(measures.middle_box(run, name, found[name].effective)),
            },
        )
        for name in names
    ]
    return outlines(drawn, columns=3, scale=2)


def sides_figure(run: Run) -> Figure:
    """The sides of both fields, from the image up."""
    found = measures.fields(run)
    places = np.arange(1, len(found) + 1)
    sides = {
        "Receptive field": (places, [one.whole for one in found.values()]),
        f"Effective field, {run.config.share:.0%}": (places, [one.effective.side for one in found.values()]),
    }
    reference = {"Side of the image": float(run.config.size)}
    return lines(sides, "Layer, from the image up", "Side, pixels", log="y", reference=reference, markers=True)


def fields_table(run: Run) -> Table:
    """Every layer's field in four ways."""
    rows = [
        {
            "layer": name,
            "whole": one.whole,
            "reckoned": _span(one.reckoned),
            "nan": _span(one.nan),
            "gradient": _span(one.gradient),
            "effective": one.effective.side,
            "share": f"{one.effective.side / one.whole:.0%}",
        }
        for name, one in measures.fields(run).items()
    ]
    columns = {
        "layer": "Layer", "whole": "Side without borders", "reckoned": "Reckoned", "nan": "By NaN",
        "gradient": "By gradient", "effective": "Effective side", "share": "Of the side",
    }  # fmt: skip
    size = run.config.size
    return Table(rows, columns, f"Pixels from and to of the middle position, in an image of {size}; sides in pixels")


def _span(box: Box) -> str:
    """Write a box in little: one pair where rows and columns agree."""
    rows, columns = f"{box.top}-{box.bottom}", f"{box.left}-{box.right}"
    return rows if rows == columns else f"{rows}, {columns}"


def patches_figure(run: Run) -> Figure:
    """The patches of each unit, a row for each layer."""
    drawn = {}
    for layer, found in measures.strongest(run).items():
        for channel, images in found.images.items():
            drawn[f"{layer}: {channel}"] = contact_sheet(to_array(images), 3)
    return panels(drawn, columns=max(len(channels) for _, channels in run.config.units))


def whole_figure(run: Run) -> Figure:
    """One unit's strongest photographs, with what its position sees, and what matters most of it."""
    layer = run.config.units[len(run.config.units) // 2][0]
    found = measures.strongest(run)[layer]
    channel, chosen = next(iter(found.examples.items()))
    size, model, drawn = found.survey.size, run.model(run.config.model), []
    for index, value, position in list(zip(chosen.indices, chosen.values, chosen.positions, strict=True))[:4]:
        image = center_crop(read_image(found.survey.paths[index], size), size)
        boxes = {
            THEORETICAL: corners(measures.computed_field(model, layer, size, position)),
            effective_label(run): corners(found.field.box(position)),
        }
        drawn.append(Marked(f"{layer}: {channel}, {value:.0f}", image, boxes))
    return outlines(drawn, columns=4)


def alone_table(run: Run) -> Table:
    """What is left of the responses where only the patch is shown, or all but it."""
    found, sides = measures.kept_alone(run), {layer: one.field.side for layer, one in measures.strongest(run).items()}
    rows = [
        {
            "layer": layer,
            "side": sides[layer],
            "inside": f"{shares['inside']:.0%}",
            "outside": f"{shares['outside']:.0%}",
        }
        for layer, shares in found.items()
    ]
    columns = {
        "layer": "Layer", "side": "Side of the patches, pixels", "inside": "Left with the patch alone",
        "outside": "Left without the patch",
    }  # fmt: skip
    return Table(rows, columns, f"Responses of the units above to their {run.config.alone} strongest patches")
