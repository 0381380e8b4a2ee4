"""Images that a network makes or changes: dreams, inversions, textures, styles, class images."""

from innerview.synthesis.class_images import ClassImage, class_image
from innerview.synthesis.class_recipes import SIMONYAN, YOSINSKI, ClassRecipe
from innerview.synthesis.deepdream import DreamRecipe, deepdream, dream_step, guided, image_gradient, magnified, zoom
from innerview.synthesis.descent import Descent, StoppedEarly, Synthesis, descend
from innerview.synthesis.fast_style import FastStyleLoss, FastStyleRecipe, train_style_network
from innerview.synthesis.generator_files import load_autoencoder, load_generator, save_generator
from innerview.synthesis.generator_prior import GeneratorPrior, PlugAndPlay, PlugAndPlayRecipe, plug_and_play
from innerview.synthesis.generator_training import Adversaries, AutoencoderLoss, Discriminator, adversarial_loss
from innerview.synthesis.generators import Encoder, Generator, GeneratorArchitecture, VariationalAutoencoder
from innerview.synthesis.grams import gram_matrix
from innerview.synthesis.inversion import InversionRecipe, invert
from innerview.synthesis.losses import Loss, Term, content_loss, style_loss
from innerview.synthesis.memory import needed_memory
from innerview.synthesis.nonparametric import efros_leung
from innerview.synthesis.patch_prior import PatchPrior, photograph_patches
from innerview.synthesis.patches import PatchRecipe, patch_texture
from innerview.synthesis.priors import norm_loss, variation_loss
from innerview.synthesis.regions import Region, region_loss
from innerview.synthesis.style import RELEASED_WEIGHTS, STYLE_LAYERS, StyleRecipe, style_transfer
from innerview.synthesis.style_files import load_style_network, save_style_network
from innerview.synthesis.style_networks import StyleArchitecture, StyleNetwork, stylize
from innerview.synthesis.texture import TEXTURE_LAYERS, TextureRecipe, texture

__all__ = [
    "RELEASED_WEIGHTS",
    "SIMONYAN",
    "STYLE_LAYERS",
    "TEXTURE_LAYERS",
    "YOSINSKI",
    "Adversaries",
    "AutoencoderLoss",
    "ClassImage",
    "ClassRecipe",
    "Descent",
    "Discriminator",
    "DreamRecipe",
    "Encoder",
    "FastStyleLoss",
    "FastStyleRecipe",
    "Generator",
    "GeneratorArchitecture",
    "GeneratorPrior",
    "InversionRecipe",
    "Loss",
    "PatchPrior",
    "PatchRecipe",
    "PlugAndPlay",
    "PlugAndPlayRecipe",
    "Region",
    "StoppedEarly",
    "StyleArchitecture",
    "StyleNetwork",
    "StyleRecipe",
    "Synthesis",
    "Term",
    "TextureRecipe",
    "VariationalAutoencoder",
    "adversarial_loss",
    "class_image",
    "content_loss",
    "deepdream",
    "descend",
    "dream_step",
    "efros_leung",
    "gram_matrix",
    "guided",
    "image_gradient",
    "invert",
    "load_autoencoder",
    "load_generator",
    "load_style_network",
    "magnified",
    "needed_memory",
    "norm_loss",
    "patch_texture",
    "photograph_patches",
    "plug_and_play",
    "region_loss",
    "save_generator",
    "save_style_network",
    "style_loss",
    "style_transfer",
    "stylize",
    "texture",
    "train_style_network",
    "variation_loss",
    "zoom",
]
