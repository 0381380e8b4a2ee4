"""Innerview: look inside convolutional networks.

The names here are loaded when they are first used, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from innerview.attribution import cam as cam
    from innerview.attribution import channel_attribution as channel_attribution
    from innerview.attribution import counterfactual_grad_cam as counterfactual_grad_cam
    from innerview.attribution import deconvnet as deconvnet
    from innerview.attribution import grad_cam as grad_cam
    from innerview.attribution import grad_cam_plus_plus as grad_cam_plus_plus
    from innerview.attribution import gradient_times_input as gradient_times_input
    from innerview.attribution import guided_backprop as guided_backprop
    from innerview.attribution import guided_grad_cam as guided_grad_cam
    from innerview.attribution import input_gradient as input_gradient
    from innerview.attribution import integrated_gradients as integrated_gradients
    from innerview.attribution import layer_cam as layer_cam
    from innerview.attribution import occlusion as occlusion
    from innerview.attribution import rise as rise
    from innerview.attribution import saliency as saliency
    from innerview.attribution import smooth_grad as smooth_grad
    from innerview.attribution import spatial_attribution as spatial_attribution
    from innerview.core.allocator import keep_freed_memory as keep_freed_memory
    from innerview.core.images import read_image as read_image
    from innerview.core.images import write_image as write_image
    from innerview.models import activations as activations
    from innerview.models import as_classifier as as_classifier
    from innerview.models import load_model as load_model
    from innerview.optimize import Recipe as Recipe
    from innerview.optimize import activation_grid as activation_grid
    from innerview.optimize import caricature as caricature
    from innerview.optimize import channel as channel
    from innerview.optimize import class_logit as class_logit
    from innerview.optimize import class_probability as class_probability
    from innerview.optimize import direction as direction
    from innerview.optimize import diversity as diversity
    from innerview.optimize import interpolation as interpolation
    from innerview.optimize import layer as layer
    from innerview.optimize import neuron as neuron
    from innerview.optimize import spritemap as spritemap
    from innerview.optimize import total_variation as total_variation
    from innerview.optimize import visualize as visualize
    from innerview.synthesis import ClassRecipe as ClassRecipe
    from innerview.synthesis import Descent as Descent
    from innerview.synthesis import DreamRecipe as DreamRecipe
    from innerview.synthesis import InversionRecipe as InversionRecipe
    from innerview.synthesis import Region as Region
    from innerview.synthesis import StyleRecipe as StyleRecipe
    from innerview.synthesis import TextureRecipe as TextureRecipe
    from innerview.synthesis import class_image as class_image
    from innerview.synthesis import deepdream as deepdream
    from innerview.synthesis import efros_leung as efros_leung
    from innerview.synthesis import gram_matrix as gram_matrix
    from innerview.synthesis import invert as invert
    from innerview.synthesis import load_style_network as load_style_network
    from innerview.synthesis import patch_texture as patch_texture
    from innerview.synthesis import style_transfer as style_transfer
    from innerview.synthesis import stylize as stylize
    from innerview.synthesis import texture as texture

__version__ = "0.1.0"

_HOMES = {
    "innerview.attribution": (
        "cam", "channel_attribution", "counterfactual_grad_cam", "deconvnet", "grad_cam", "grad_cam_plus_plus",
        "gradient_times_input", "guided_backprop", "guided_grad_cam", "input_gradient", "integrated_gradients",
        "layer_cam", "occlusion", "rise", "saliency", "smooth_grad", "spatial_attribution",
    ),
    "innerview.core.allocator": ("keep_freed_memory",),
    "innerview.core.images": ("read_image", "write_image"),
    "innerview.models": ("activations", "as_classifier", "load_model"),
    "innerview.optimize": (
        "Recipe", "activation_grid", "caricature", "channel", "class_logit", "class_probability", "direction",
        "diversity", "interpolation", "layer", "neuron", "spritemap", "total_variation", "visualize",
    ),
    "innerview.synthesis": (
        "ClassRecipe", "Descent", "DreamRecipe", "InversionRecipe", "Region", "StyleRecipe", "TextureRecipe",
        "class_image", "deepdream", "efros_leung", "gram_matrix", "invert", "load_style_network", "patch_texture",
        "style_transfer", "stylize", "texture",
    ),
}  # fmt: skip
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = ["__version__", *_HOME]  # noqa: PLE0604  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'innerview' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
