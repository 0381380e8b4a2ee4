"""What excites the units of a layer: surveys of data sets, patches, purity."""

from innerview.dissection.examples import Examples, Survey
from innerview.dissection.patches import Box, Field, effective_field, patch, patches, receptive_field, top_patches
from innerview.dissection.purity import purity, random_directions
from innerview.dissection.survey import survey

__all__ = [
    "Box",
    "Examples",
    "Field",
    "Survey",
    "effective_field",
    "patch",
    "patches",
    "purity",
    "random_directions",
    "receptive_field",
    "survey",
    "top_patches",
]
