r"""What a layer keeps of an image: other images with the same activations {cite}`mahendran2015understanding`."""

from dataclasses import dataclass, field
from math import inf

import torch
from torch import nn

from innerview.core.errors import BadInput
from innerview.core.images import check_images
from innerview.core.types import Images
from innerview.models import activations
from innerview.synthesis.descent import Descent, Synthesis, check_room, descend
from innerview.synthesis.losses import Loss, content_loss
from innerview.synthesis.priors import norm_loss, variation_loss
from innerview.synthesis.texture import noise

RANGE = 80 / 255
"""How far a photograph's pixels lie from grey, as a rule."""


@dataclass(frozen=True)
class InversionRecipe:
    r"""How to invert; the priors are scaled as in {cite}`mahendran2016visualizing`, Sec. 3.2.

    Args:
        fidelity: Weight of the activations against the priors, $C$.
        variation: Weight of the total variation.
        beta: Its exponent $\beta$.
        norm: Weight of the $\alpha$-norm.
        alpha: Its exponent $\alpha$.
        descent: How to descend.
    """

    fidelity: float = 100.0
    variation: float = 1.0
    beta: float = 2.0
    norm: float = 1.0
    alpha: float = 6.0
    descent: Descent = field(default_factory=lambda: Descent(steps=200))


def invert(
    model: nn.Module,
    images: Images,
    layer: str,
    *,
    recipe: InversionRecipe | None = None,
    seed: int = 0,
    progress: bool = False,
) -> Synthesis:
    r"""Find images that a layer cannot tell from the given ones, and that look natural.

    $$\min_x \; C \frac{\|\Phi(x) - \Phi_0\|^2}{\|\Phi_0\|^2}
    + \frac{R_\alpha(x)}{H W B^\alpha} + \frac{R_{V^\beta}(x)}{H W V^\beta}$$

    where $B$ is how far a photograph's pixels lie from grey and $V = B / 6.5$ how far neighbours differ.

    Args:
        model: Takes images ``(b, 3, h, w)`` in [0, 1].
        images: ``(b, 3, h, w)``; each is inverted on its own.
        layer: Any layer.
        recipe: How.
        seed: Of the noise that the descent begins with.
        progress: Whether to show a bar.

    Returns:
        One image for each; see `innerview.synthesis.descent.Synthesis`. The term ``content LAYER``, divided by the
        recipe's fidelity, is the relative squared error of the activations.

    Raises:
        LayerNotFound: the model has no such layer.
        BadInput: the images are too small for the layer or too large for the memory, or the layer is silent for one.
    """
    recipe = recipe or InversionRecipe()
    check_images(images)
    check_room(model, [layer], images, recipe.descent)
    made = [
        descend(
            model, inversion_loss(model, image, layer, recipe), _start(image, seed), recipe.descent, progress=progress
        )
        for image in images.split(1)
    ]
    parts = {name: torch.cat([one.parts[name] for one in made]) for name in made[0].parts}
    images, loss, history = (torch.cat([getattr(one, name) for one in made]) for name in ("images", "loss", "history"))
    return Synthesis(images, loss, history, parts)


def inversion_loss(model: nn.Module, image: Images, layer: str, recipe: InversionRecipe) -> Loss:
    """Return what `invert` minimises for one image."""
    for name in ("fidelity", "variation", "norm"):
        if not 0 <= getattr(recipe, name) < inf:
            raise BadInput(f"{name} of an inversion is at least 0, not {getattr(recipe, name)}")
    pixels = image.shape[-2] * image.shape[-1]
    with torch.no_grad():
        energy = float(activations(model, image, layer)[layer].square().mean())
    if energy == 0:
        raise BadInput(f"layer {layer} is silent for this image, so that nothing can be found again; choose another")
    loss = recipe.fidelity / energy * content_loss(model, image, (layer,), "mean")
    if recipe.norm:
        loss += recipe.norm / (pixels * RANGE**recipe.alpha) * norm_loss(recipe.alpha)
    if recipe.variation:
        loss += recipe.variation / (pixels * (RANGE / 6.5) ** recipe.beta) * variation_loss(recipe.beta)
    return loss


def _start(image: Images, seed: int) -> Images:
    return noise((image.shape[-2], image.shape[-1]), seed).to(image)
