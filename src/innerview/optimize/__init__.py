"""Feature visualization: objectives, parameterizations, transforms and the ascent."""

from innerview.optimize.ascent import Diverged, Recipe, Visualization, visualize
from innerview.optimize.objectives import Objective, Reading, channel, class_logit, layer, neuron, total_variation
from innerview.optimize.parameterizations import Fourier, Pixels, frequencies
from innerview.optimize.relu import redirected_relu
from innerview.optimize.specs import parse_objective
from innerview.optimize.transforms import ARTICLE, RELEASED, Crop, Jitter, Pad, Rotate, Scale, transformed

__all__ = [
    "ARTICLE",
    "RELEASED",
    "Crop",
    "Diverged",
    "Fourier",
    "Jitter",
    "Objective",
    "Pad",
    "Pixels",
    "Reading",
    "Recipe",
    "Rotate",
    "Scale",
    "Visualization",
    "channel",
    "class_logit",
    "frequencies",
    "layer",
    "neuron",
    "parse_objective",
    "redirected_relu",
    "total_variation",
    "transformed",
    "visualize",
]
