"""What the replication computes: every picture, kept so that an interrupted run continues."""

from collections.abc import Mapping
from dataclasses import replace
from time import perf_counter

import torch
from torch import Tensor

from innerview.core.images import center_crop
from innerview.core.types import Images, Opacity
from innerview.replicate import Run
from innerview.replicate.photos import photo
from innerview.synthesis import (
    Descent,
    InversionRecipe,
    Region,
    Synthesis,
    TextureRecipe,
    content_loss,
    descend,
    invert,
    style_loss,
    style_transfer,
    texture,
)
from innerview.synthesis.fast_style import FastStyleLoss, FastStyleRecipe
from innerview.synthesis.style_files import load_style_network
from innerview.synthesis.style_networks import StyleNetwork, stylize
from replication.gatys2016_style import networks
from replication.gatys2016_style.config import Config, Transfer, grid_style, style_weights

MIXTURES = 5
"""Pictures from one style to another."""


def picture(name: str, side: int) -> Images:
    """Return a photograph or painting whose shorter side has so many pixels."""
    image = photo(name)
    height, width = image.shape[-2:]
    scale = side / min(height, width)
    return torch.nn.functional.interpolate(
        image, (round(height * scale), round(width * scale)), mode="bicubic", antialias=True
    ).clamp(0, 1)


def transferred(run: Run, variants: Mapping[str, Transfer]) -> dict[str, Images]:
    """Make pictures in several ways: panel title -> picture."""
    return {title: made(run, one).images for title, one in variants.items()}


def made(run: Run, one: Transfer) -> Synthesis:
    """Transfer a style as a part of the run; the same picture in two figures is made once."""

    def compute() -> dict[str, Tensor]:
        content = picture(run.config.photo, one.size).to(run.device)
        styles = [photo(name).to(run.device) for name in one.styles]
        given = _regions(content, styles) if one.regions else styles
        found = style_transfer(
            run.model(run.config.model), content, given, blend=one.blend, recipe=one.recipe, seed=run.seed + one.seed
        )
        return found.tensors()

    name = "-".join(style.rpartition("/")[2].partition(".")[0] for style in one.styles)
    return Synthesis.from_tensors(run.part(f"{name}-{one.size}", compute, run.config.model, run.config.photo, one))


def _regions(content: Images, styles: list[Images]) -> list[Region]:
    where = sky(content)
    return [Region(where, styles[0]), Region(1 - where, styles[1])]


def sky(content: Images) -> Opacity:
    """Return where the sky is: what is blue in the upper half; the upper half itself, if nothing is."""
    red, _, blue = content.split(1, dim=1)
    upper = torch.zeros_like(red)
    upper[..., : content.shape[-2] // 2, :] = 1
    found = upper * (blue > red + 0.1)
    return found if found.any() else upper


def distances(run: Run, one: Transfer) -> tuple[float, float]:
    """Return how far a picture is from its content and from its style, whatever it was made with.

    The mean of squares at the content's layer, and the style's loss with equal weights of all its layers.
    """
    config: Config = run.config
    model, image = run.model(config.model), made(run, one).images.to(run.device)
    content = picture(config.photo, one.size).to(run.device)
    style = photo(one.styles[0]).to(run.device)
    scaled = picture_like(style, content, one.recipe.style_scale)
    with torch.no_grad():
        from_content = content_loss(model, content, config.content_layers)(model, image)
        from_style = style_loss(model, scaled, style_weights(config, 1e-3, factor=1.0))(model, image)
    return float(from_content), float(from_style)


def picture_like(style: Images, content: Images, scale: float = 1.0) -> Images:
    """Scale a style as the transfer does: its shorter side is the content's, times `scale`."""
    factor = scale * min(content.shape[-2:]) / min(style.shape[-2:])
    size = (round(style.shape[-2] * factor), round(style.shape[-1] * factor))
    return torch.nn.functional.interpolate(style, size, mode="bilinear", antialias=True).clamp(0, 1)


def content_reconstructions(run: Run) -> dict[str, Synthesis]:
    """Find images with the content's activations at one layer after another, without any prior; Fig. 1, below."""
    config: Config = run.config
    content = picture(config.photo, config.study_size).to(run.device)
    how = InversionRecipe(fidelity=1.0, variation=0.0, norm=0.0, descent=Descent(steps=config.study_steps))
    return {layer: _inverted(run, content, layer, how) for layer in config.reconstructed}


def inversions(run: Run) -> dict[str, Synthesis]:
    """Find natural images with the content's activations at one layer after another."""
    config: Config = run.config
    content = picture(config.photo, config.study_size).to(run.device)
    how = InversionRecipe(descent=Descent(steps=config.study_steps))
    return {layer: _inverted(run, content, layer, how) for layer in config.inverted}


def _inverted(run: Run, content: Images, layer: str, how: InversionRecipe) -> Synthesis:
    def compute() -> dict[str, Tensor]:
        return invert(run.model(run.config.model), content, layer, recipe=how, seed=run.seed).tensors()

    return Synthesis.from_tensors(run.part(f"inverted-{layer}", compute, run.config.model, content, layer, how))


def style_reconstructions(run: Run) -> dict[str, Images]:
    """Make textures of the style with more and more layers; Fig. 1, above."""
    config: Config = run.config
    style = picture(grid_style(config).photo, config.study_size)
    square = center_crop(style, config.study_size).to(run.device)
    found = {}
    for count in range(1, len(config.style_layers) + 1):
        layers = dict.fromkeys(config.style_layers[:count], 1 / count)
        how = TextureRecipe(layers, descent=Descent(steps=config.study_steps))

        def compute(how: TextureRecipe = how) -> dict[str, Tensor]:
            return {"images": texture(run.model(config.model), square, recipe=how, seed=run.seed).images}

        name = f"style-{config.style_layers[count - 1]}"
        title = config.style_layers[0] if count == 1 else f"up to {config.style_layers[count - 1]}"
        found[title] = run.part(name, compute, config.model, square, how)["images"]
    return found


def trained(name: str) -> StyleNetwork:
    """Return a network that was trained before; see `replication.gatys2016_style.networks`."""
    return load_style_network(networks.HERE / "networks" / f"{name}.safetensors")


def four_styles(run: Run) -> dict[str, Images]:
    """Give the content each style of one trained network, in one pass each."""
    network = trained("four_styles")
    content = picture(run.config.photo, run.config.fast_size)
    titles = {style: style.replace("_", " ").capitalize() for style in network.architecture.styles}
    return {title: stylize(network, content, style) for style, title in titles.items()}


def mixtures(run: Run) -> dict[str, Images]:
    """Go from one style to another in one trained network."""
    network = trained("four_styles")
    first, second, *_ = network.architecture.styles
    content = picture(run.config.photo, run.config.fast_size)
    shares = [place / (MIXTURES - 1) for place in range(MIXTURES)]
    return {
        f"{1 - share:.0%} and {share:.0%}": stylize(network, content, {first: 1 - share, second: share})
        for share in shares
    }


def single_styles(run: Run) -> dict[str, Images]:
    """Give the content one style by the two networks that differ in their normalization."""
    content = picture(run.config.photo, run.config.fast_size)
    return {f"{name.capitalize()} normalization": stylize(trained(name), content) for name in ("batch", "instance")}


def race(run: Run) -> dict[str, float]:
    """Compare a pass of a trained network with a descent on the loss that it was trained with, on one photograph.

    Returns:
        ``network``: the network's loss; ``step``: how many steps the descent takes to the same loss, infinite if it
        does not get there; ``descent``: the loss at the end of the descent; ``ratio``: how many times as long 300
        steps take as one pass.
    """
    config: Config = run.config
    content = picture(config.photo, 128)

    def compute() -> dict[str, Tensor]:
        return {name: torch.tensor(value) for name, value in _race(run, content).items()}

    digest = networks.numbers()["four_styles"]["sha256"]
    found = run.part("race", compute, config.loss_model, config.study_steps, content, digest)
    return {name: float(value) for name, value in found.items()}


def plan(run: Run) -> FastStyleRecipe:
    """Return what the network of four styles was trained with; other layers where another loss network stands in."""
    recipe, config = networks.PLANS["four_styles"].recipe, run.config
    if not run.fallback:
        return recipe
    return replace(recipe, content_layers=config.content_layers, style_layers=config.style_layers)


def painting(run: Run, name: str) -> Images:
    """Return a style of the trained network as the training saw it; another picture where it cannot be had."""
    found = picture(run.config.styles[0].photo, 64) if run.fallback else networks.style_image(name)
    return found.to(run.device)


def _race(run: Run, content: Images) -> dict[str, float]:
    config: Config = run.config
    network, model = trained("four_styles"), run.model(config.loss_model)
    name = network.architecture.styles[0]
    trained_with = FastStyleLoss(model, {name: painting(run, name)}, plan(run))
    loss = trained_with.of_images(content.to(run.device), torch.tensor([0]))
    stylize(network, content, name)
    begin = perf_counter()
    quick = stylize(network, content, name)
    once = perf_counter() - begin
    begin = perf_counter()
    found = descend(model, loss, content.to(run.device), Descent(steps=config.study_steps))
    step = (perf_counter() - begin) / config.study_steps
    with torch.no_grad():
        reached = float(loss(model, quick.to(run.device)))
    below = (found.history[0] <= reached).nonzero()
    return {
        "network": reached,
        "step": float(below[0]) + 1 if len(below) else float("inf"),
        "descent": float(found.loss[0]),
        "ratio": 300 * step / once,
    }
