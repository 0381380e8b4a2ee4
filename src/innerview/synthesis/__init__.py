"""Images that a network makes or changes: dreams, inversions, textures, styles, class images."""

from innerview.synthesis.deepdream import DreamRecipe, deepdream, dream_step, guided, image_gradient, magnified, zoom
from innerview.synthesis.descent import Descent, StoppedEarly, Synthesis, descend
from innerview.synthesis.inversion import InversionRecipe, invert
from innerview.synthesis.losses import Loss, Term, content_loss, gram_matrix, style_loss
from innerview.synthesis.memory import needed_memory
from innerview.synthesis.nonparametric import efros_leung
from innerview.synthesis.patches import PatchRecipe, patch_texture
from innerview.synthesis.priors import norm_loss, variation_loss
from innerview.synthesis.regions import Region, region_loss
from innerview.synthesis.style import RELEASED_WEIGHTS, STYLE_LAYERS, StyleRecipe, style_transfer
from innerview.synthesis.texture import TEXTURE_LAYERS, TextureRecipe, texture

__all__ = [
    "RELEASED_WEIGHTS",
    "STYLE_LAYERS",
    "TEXTURE_LAYERS",
    "Descent",
    "DreamRecipe",
    "InversionRecipe",
    "Loss",
    "PatchRecipe",
    "Region",
    "StoppedEarly",
    "StyleRecipe",
    "Synthesis",
    "Term",
    "TextureRecipe",
    "content_loss",
    "deepdream",
    "descend",
    "dream_step",
    "efros_leung",
    "gram_matrix",
    "guided",
    "image_gradient",
    "invert",
    "magnified",
    "needed_memory",
    "norm_loss",
    "patch_texture",
    "region_loss",
    "style_loss",
    "style_transfer",
    "texture",
    "variation_loss",
    "zoom",
]
