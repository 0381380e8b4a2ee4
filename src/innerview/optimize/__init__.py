"""Feature visualization: objectives, parameterizations, transforms and the ascent."""

from innerview.optimize.ascent import DeadUnit, Diverged, Recipe, Visualization, ascend, visualize
from innerview.optimize.batch import alignment, diversity
from innerview.optimize.composed import Latent, Transparent, TransparentImages, over_background
from innerview.optimize.cppn import CPPN
from innerview.optimize.directions import activation_difference, caricature, cosine, direction, direction_neuron
from innerview.optimize.grids import ActivationGrid, activation_grid
from innerview.optimize.icons import Icons, Spritemap, icons, spritemap
from innerview.optimize.maco import Maco, mean_magnitude
from innerview.optimize.metrics import L2, Decorrelated, LInf, Metric, Smoothed
from innerview.optimize.objectives import Objective, Reading, interpolation, side_by_side
from innerview.optimize.parameterizations import (
    Fourier,
    OneStart,
    Parameterization,
    Pixels,
    Planar,
    RawPixels,
    frequencies,
)
from innerview.optimize.penalties import bilateral, blur, l1, l2, opacity, total_variation
from innerview.optimize.pyramids import Laplacian, Shared
from innerview.optimize.relu import redirected_relu
from innerview.optimize.specs import parse_objective
from innerview.optimize.transforms import (
    ARTICLE,
    MACO,
    RELEASED,
    Blur,
    BlurSchedule,
    Crop,
    Jitter,
    Noise,
    Pad,
    Resize,
    Rotate,
    Scale,
    Scheduled,
    Transform,
    Zoom,
    ZoomSchedule,
    resolved,
    transformed,
)
from innerview.optimize.units import channel, class_logit, class_probability, layer, neuron

__all__ = [
    "ARTICLE",
    "CPPN",
    "L2",
    "MACO",
    "RELEASED",
    "ActivationGrid",
    "Blur",
    "BlurSchedule",
    "Crop",
    "DeadUnit",
    "Decorrelated",
    "Diverged",
    "Fourier",
    "Icons",
    "Jitter",
    "LInf",
    "Laplacian",
    "Latent",
    "Maco",
    "Metric",
    "Noise",
    "Objective",
    "OneStart",
    "Pad",
    "Parameterization",
    "Pixels",
    "Planar",
    "RawPixels",
    "Reading",
    "Recipe",
    "Resize",
    "Rotate",
    "Scale",
    "Scheduled",
    "Shared",
    "Smoothed",
    "Spritemap",
    "Transform",
    "Transparent",
    "TransparentImages",
    "Visualization",
    "Zoom",
    "ZoomSchedule",
    "activation_difference",
    "activation_grid",
    "alignment",
    "ascend",
    "bilateral",
    "blur",
    "caricature",
    "channel",
    "class_logit",
    "class_probability",
    "cosine",
    "direction",
    "direction_neuron",
    "diversity",
    "frequencies",
    "icons",
    "interpolation",
    "l1",
    "l2",
    "layer",
    "mean_magnitude",
    "neuron",
    "opacity",
    "over_background",
    "parse_objective",
    "redirected_relu",
    "resolved",
    "side_by_side",
    "spritemap",
    "total_variation",
    "transformed",
    "visualize",
]
