"""Arrays in, figures out; one look for the whole book."""

from innerview.figures.charts import bars, dots, histograms, lines, signed_map
from innerview.figures.coloring import AREAS, PIXELS, SIGNED_AREAS, SIGNED_PIXELS, Look, colored, gradient_picture
from innerview.figures.diagram import Arrow, Block, diagram
from innerview.figures.filters import LayerMaps, feature_maps, filter_pictures, filter_sheet
from innerview.figures.growth import Growth, growths
from innerview.figures.heatmaps import Explained, heatmaps
from innerview.figures.mosaics import Mosaic, mosaics, spread_names
from innerview.figures.outlines import Marked, outlines
from innerview.figures.panels import panels, strips
from innerview.figures.scattered import scattered
from innerview.figures.style import DPI

__all__ = [
    "AREAS",
    "DPI",
    "PIXELS",
    "SIGNED_AREAS",
    "SIGNED_PIXELS",
    "Arrow",
    "Block",
    "Explained",
    "Growth",
    "LayerMaps",
    "Look",
    "Marked",
    "Mosaic",
    "bars",
    "colored",
    "diagram",
    "dots",
    "feature_maps",
    "filter_pictures",
    "filter_sheet",
    "gradient_picture",
    "growths",
    "heatmaps",
    "histograms",
    "lines",
    "mosaics",
    "outlines",
    "panels",
    "scattered",
    "signed_map",
    "spread_names",
    "strips",
]
