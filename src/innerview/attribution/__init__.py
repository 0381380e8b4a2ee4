"""Attribution: which part of an image, a layer or its channels a network's answer comes from."""

from innerview.attribution.cams import (
    ClassMaps,
    counterfactual_grad_cam,
    grad_cam,
    grad_cam_classes,
    grad_cam_plus_plus,
    guided_grad_cam,
    layer_cam,
)
from innerview.attribution.class_activation import cam
from innerview.attribution.default_layer import default_layer
from innerview.attribution.gradients import (
    RELU_RULES,
    deconvnet,
    gradient_times_input,
    guided_backprop,
    input_gradient,
    saliency,
)
from innerview.attribution.integrals import integrated_gradients, smooth_grad
from innerview.attribution.methods import METHODS, Method
from innerview.attribution.occlusion import occlusion
from innerview.attribution.positions import PositionReading, position_attribution, position_removal
from innerview.attribution.rise import rise
from innerview.attribution.scouter import Scouter, ScouterClassifier, scouter, scouter_attention, scouter_loss
from innerview.attribution.scouter_files import ScouterPlan, load_scouter, train_scouter
from innerview.attribution.spatial import channel_attribution, relaxed_max_pool, spatial_attribution
from innerview.attribution.targets import Target
from innerview.attribution.tokens import with_token_grid

__all__ = [
    "METHODS",
    "RELU_RULES",
    "ClassMaps",
    "Method",
    "PositionReading",
    "Scouter",
    "ScouterClassifier",
    "ScouterPlan",
    "Target",
    "cam",
    "channel_attribution",
    "counterfactual_grad_cam",
    "deconvnet",
    "default_layer",
    "grad_cam",
    "grad_cam_classes",
    "grad_cam_plus_plus",
    "gradient_times_input",
    "guided_backprop",
    "guided_grad_cam",
    "input_gradient",
    "integrated_gradients",
    "layer_cam",
    "load_scouter",
    "occlusion",
    "position_attribution",
    "position_removal",
    "relaxed_max_pool",
    "rise",
    "saliency",
    "scouter",
    "scouter_attention",
    "scouter_loss",
    "smooth_grad",
    "spatial_attribution",
    "train_scouter",
    "with_token_grid",
]
