"""Arrays in, figures out; one look for the whole book."""

from innerview.figures.charts import bars, histograms, lines, signed_map
from innerview.figures.panels import panels
from innerview.figures.style import DPI

__all__ = ["DPI", "bars", "histograms", "lines", "panels", "signed_map"]
