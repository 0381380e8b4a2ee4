"""The figures of the page: what was measured, drawn."""

import numpy as np
from matplotlib.figure import Figure

from innerview.core.images import to_array
from innerview.figures import (
    LayerMaps,
    Look,
    colored,
    feature_maps,
    filter_pictures,
    filter_sheet,
    histograms,
    lines,
    panels,
)
from innerview.replicate import Run
from innerview.replicate.tables import Table
from replication.methods.filters import measures

SHEET = 520
"""Pixels of a sheet's side, about."""

FINEST = 0.35
"""Cycles per pixel, above which stripes cannot be told from checks on so few pixels."""

NAMES = {"googlenet": "GoogLeNet", "squeezenet1_1": "SqueezeNet 1.1", "efficientnet_lite0": "EfficientNet-Lite0"}


def sheets_figure(run: Run) -> Figure:
    """The filters of each network, grey ones first, then by hue."""
    pictures = {}
    for name, (found, like) in measures.filters(run).items():
        weights = found.weights[like.order("hue")]
        columns = round(len(weights) ** 0.5)
        scale = max(1, SHEET // (columns * weights.shape[-1]))
        pictures[NAMES.get(name, name)] = filter_sheet(weights, columns=columns, scale=scale)
    return panels(pictures)


def responses_figure(run: Run) -> Figure:
    """Three filters, and where each fires in a photograph."""
    found, _ = measures.filters(run)[run.config.model]
    photograph = to_array(measures.image(run))[0]
    layer = found.layer.removesuffix(".conv")
    maps = measures.maps(run, (layer,))[layer]
    pictures = {"Photograph": photograph}
    for title, channel in chosen(run).items():
        side = photograph.shape[0] // found.weights.shape[-1]
        pictures[f"{title}: filter {channel}"] = filter_pictures(found.weights[[channel]], side)[0]
        fired = maps[channel].clamp(min=0)
        pictures[f"Where {channel} fires"] = colored(photograph, fired, Look("magma"))
    return panels(pictures)


def chosen(run: Run) -> dict[str, int]:
    """Return the strongest grey filter of level stripes, of upright ones, and the strongest coloured one."""
    found, like = measures.filters(run)[run.config.model]
    size, grey = found.weights.square().sum((1, 2, 3)), like.color < run.config.grey
    striped = grey & (like.frequency > 0) & (like.frequency < FINEST)
    level, upright = ((like.orientation + 180 / 8 - turn) % 180 < 180 / 4 for turn in (0, 90))
    groups = {"Level": striped & level, "Upright": striped & upright, "Colour": like.color > run.config.colored}
    return {name: int((size * those).argmax()) for name, those in groups.items()}


def frequencies_figure(run: Run) -> Figure:
    """How peak frequencies are spread, of grey and of coloured filters."""
    _, like = measures.filters(run)[run.config.model]
    groups = {kind.capitalize(): like.frequency[those].numpy() for kind, those in measures.kinds(run, like).items()}
    return histograms(groups, "Peak frequency, cycles per pixel", "Share of the filters")


def filters_table(run: Run) -> Table:
    """The filters of each network in numbers."""
    rows = []
    for name, (found, like) in measures.filters(run).items():
        groups = measures.kinds(run, like)
        count, _, height, width = found.weights.shape
        medians = {
            kind: f"{float(like.frequency[those].median()):.2f}" if those.any() else "-"
            for kind, those in groups.items()
        }
        rows.append(
            {
                "network": NAMES.get(name, name),
                "filters": f"{count} of {height}x{width}, a position every {found.stride[0]}",
                "grey": f"{float(groups['grey'].float().mean()):.0%}",
                "coloured": f"{float(groups['coloured'].float().mean()):.0%}",
                "grey frequency": medians["grey"],
                "coloured frequency": medians["coloured"],
            }
        )
    columns = {
        "network": "Network", "filters": "Filters, pixels", "grey": "Grey", "coloured": "Coloured",
        "grey frequency": "Median frequency, grey", "coloured frequency": "Median frequency, coloured",
    }  # fmt: skip
    return Table(rows, columns, "Grey: less than a tenth of the energy is colour. Coloured: more than half")


def maps_figure(run: Run) -> Figure:
    """The strongest channels of some layers for the photograph."""
    config = run.config
    found = measures.maps(run, config.shown)
    return feature_maps({name: LayerMaps(maps) for name, maps in found.items()}, count=config.strongest)


def sparsity_figure(run: Run) -> Figure:
    """The share of zeros, from the image up."""
    found = measures.counted(run)
    zeros = [one.sparsity for one in found.values()]
    low = [float(np.quantile(one.zeros, 0.1)) for one in found.values()]
    high = [float(np.quantile(one.zeros, 0.9)) for one in found.values()]
    places, label = np.arange(1, len(zeros) + 1), "Mean of the channels, with the middle four fifths"
    spread = {label: (np.minimum(low, zeros), np.maximum(high, zeros))}
    return lines({label: (places, zeros)}, "Layer, from the image up", "Share of zeros", spread=spread, markers=True)


def sparsity_table(run: Run) -> Table:
    """Zeros and dead channels of each layer."""
    rows = [
        {
            "layer": name,
            "channels": len(one.zeros),
            "zeros": f"{one.sparsity:.0%}",
            "rare": int((one.zeros > 0.99).sum()),
            "dead": len(one.dead),
        }
        for name, one in measures.counted(run).items()
    ]
    columns = {
        "layer": "Layer", "channels": "Channels", "zeros": "Zeros", "rare": "Fire at less than 1% of the places",
        "dead": "Never fire",
    }  # fmt: skip
    images = next(iter(measures.counted(run).values())).images
    return Table(rows, columns, f"Over {images} photographs")
