"""The content of one image in the style of another {cite}`gatys2016style`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from types import MappingProxyType
from typing import Final, Literal, get_args

from torch import Tensor, nn

from innerview.core.errors import BadInput
from innerview.core.types import AnyImages, Images
from innerview.models.normalization import resized
from innerview.synthesis.descent import Descent, Synthesis, check_room, descend
from innerview.synthesis.losses import LayerWeights, Loss, content_loss, layer_weights, style_loss
from innerview.synthesis.priors import variation_loss
from innerview.synthesis.recoloring import grey, grey_like, with_colors_like, with_luminance
from innerview.synthesis.regions import Region, region_loss
from innerview.synthesis.texture import check_one, noise

Start = Literal["content", "noise", "style"]
Colors = Literal["style", "matched", "content"]

STYLE_LAYERS: Final = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
RELEASED_WEIGHTS: Final[Mapping[str, float]] = MappingProxyType(
    {name: 4e3 / channels**2 for name, channels in zip(STYLE_LAYERS, (64, 128, 256, 512, 512), strict=True)}
)
"""The released code's $10^3 / N_l^2$; times 4, because its distance of Gram matrices is without the paper's 1/4."""

SMALLEST: Final = 16
"""Pixels a side of the smallest scale."""


@dataclass(frozen=True)
class StyleRecipe:
    r"""How to transfer a style; the defaults are the released code's, but for the number of steps, which is 500 there.

    Args:
        content: Layers of the content, or their weights.
        style: Layers of the style, or their weights.
        content_weight: $\alpha$.
        style_weight: $\beta$.
        variation_weight: Of the total variation, which suppresses fine noise; pixels count in [0, 1].
        reduction: Of the content's squares; see `innerview.synthesis.losses.content_loss`.
        start: From which image the descent begins: ``content``, ``noise`` as in the paper, or ``style``.
        colors: ``style`` takes the style's; ``matched`` gives the style the content's mean and covariance of colours
            before; ``content`` transfers the luminance alone {cite}`gatys2016preserving`.
        style_scale: Shorter side of the style, as a factor of the content's: larger brush strokes above 1.
        scales: Sizes at which the descent runs, each twice the one before; the last is the content's.
        descent: How to descend, at each scale.
    """

    content: LayerWeights = ("conv4_2",)
    style: LayerWeights = field(default_factory=lambda: RELEASED_WEIGHTS)
    content_weight: float = 1.0
    style_weight: float = 1.0
    variation_weight: float = 0.0
    reduction: Literal["sum", "mean"] = "mean"
    start: Start = "content"
    colors: Colors = "style"
    style_scale: float = 1.0
    scales: int = 1
    descent: Descent = field(default_factory=Descent)

    def __post_init__(self) -> None:
        for name, known in {"start": Start, "colors": Colors}.items():
            if getattr(self, name) not in get_args(known):
                raise BadInput(f"{name} is one of {', '.join(get_args(known))}, not {getattr(self, name)!r}")
        for name in ("content_weight", "style_weight", "variation_weight"):
            if not 0 <= getattr(self, name) < inf:
                raise BadInput(f"{name} of a style is at least 0, not {getattr(self, name)}")
        if not 0 < self.style_scale < inf:
            raise BadInput(f"the style's scale is a positive factor, not {self.style_scale}")
        if self.scales < 1:
            raise BadInput(f"a style is transferred at 1 scale or more, not {self.scales}")


def style_transfer(
    model: nn.Module,
    content: Images,
    styles: AnyImages | Sequence[AnyImages] | Sequence[Region],
    *,
    blend: Sequence[float] | None = None,
    recipe: StyleRecipe | None = None,
    seed: int = 0,
    progress: bool = False,
) -> Synthesis:
    r"""Make the content of one image in the style of others.

    $$\min_x \; \alpha L_{content} + \beta L_{style}$$ (Eq. 7)

    Each style is first scaled so that its shorter side is the content's, times the recipe's `style_scale`.

    Args:
        model: Takes images ``(b, 3, h, w)`` in [0, 1]; ``load_model("vgg19_normalized")`` is the paper's.
        content: ``(1, 3, h, w)``, of the size of the result.
        styles: One image ``(1, 3, h', w')``, several, or regions of the content with a style each.
        blend: Shares of several styles; equal by default.
        recipe: How.
        seed: Of the noise to start from.
        progress: Whether to show a bar.

    Returns:
        One image, and how it was found at the last scale; see `innerview.synthesis.descent.Synthesis`.

    Raises:
        LayerNotFound: the model lacks a layer.
        BadInput: no single content, no style, an image too small for the deepest layer or too large for the memory, or
            weights that are all zero.
    """
    recipe = recipe or StyleRecipe()
    check_one(content, "the content")
    if not isinstance(styles, Tensor | Sequence):
        raise BadInput(f"a style is an image, or there are several in a list, not a {type(styles).__name__}")
    given: list[AnyImages | Region] = [styles] if isinstance(styles, Tensor) else list(styles)
    prepared = _each(given, lambda style: _prepared(style, content, recipe))
    seen = grey(content) if recipe.colors == "content" else content
    sizes = _sizes((content.shape[-2], content.shape[-1]), recipe.scales)
    for image in (content, *map(_picture, prepared)):
        check_room(model, [*layer_weights(recipe.content), *layer_weights(recipe.style)], image, recipe.descent)
    begin = _start(seen, prepared, recipe.start, seed)
    for place, size in enumerate(sizes):
        scaled = _each(prepared, lambda style, factor=size[0] / sizes[-1][0]: _scaled(style, factor))
        loss = _loss(model, resized(seen, size), scaled, blend, recipe)
        made = descend(model, loss, resized(begin, size).clamp(0, 1), recipe.descent, progress=progress)
        begin = made.images
        if place == len(sizes) - 1:
            images = with_luminance(content, made.images) if recipe.colors == "content" else made.images
            return replace(made, images=images)
    raise AssertionError("there is always a last scale")


def _each(styles: Sequence[AnyImages | Region], change: Callable[[AnyImages], AnyImages]) -> list[AnyImages | Region]:
    """Change the picture of each style, be it a region's or the whole content's."""
    return [
        replace(style, style=change(style.style)) if isinstance(style, Region) else change(style) for style in styles
    ]


def _picture(style: AnyImages | Region) -> AnyImages:
    return style.style if isinstance(style, Region) else style


def _prepared(style: AnyImages, content: Images, recipe: StyleRecipe) -> AnyImages:
    """Bring a style to the content's scale, and give it the colours that the recipe wants."""
    check_one(style, "a style")
    side = min(content.shape[-2:]) * recipe.style_scale
    scaled = _scaled(style.to(content), side / min(style.shape[-2:]))
    match recipe.colors:
        case "matched":
            return with_colors_like(scaled, content)
        case "content":
            return grey_like(scaled, content)
        case _:
            return scaled


def _scaled(images: AnyImages, factor: float) -> AnyImages:
    height, width = (max(1, round(side * factor)) for side in images.shape[-2:])
    return resized(images, (height, width)).clamp(0, 1)


def _sizes(size: tuple[int, int], scales: int) -> list[tuple[int, int]]:
    """Return the sizes of the scales, small to large."""
    height, width = size
    if scales > 1 and min(size) / 2 ** (scales - 1) < SMALLEST:
        raise BadInput(f"{scales} scales of {height}x{width} pixels begin below {SMALLEST}; take fewer scales")
    return [(round(height / 2**scale), round(width / 2**scale)) for scale in reversed(range(scales))]


def _start(content: Images, styles: Sequence[AnyImages | Region], start: Start, seed: int) -> Images:
    if start == "content" or not styles:
        return content
    if start == "style":
        return resized(_picture(styles[0]), (content.shape[-2], content.shape[-1])).clamp(0, 1)
    return noise((content.shape[-2], content.shape[-1]), seed).to(content)


def _loss(
    model: nn.Module,
    content: Images,
    styles: Sequence[AnyImages | Region],
    blend: Sequence[float] | None,
    recipe: StyleRecipe,
) -> Loss:
    """Return the loss of the recipe, leaving out what it gives no weight."""
    loss = Loss(())
    if recipe.content_weight:
        loss += recipe.content_weight * content_loss(model, content, recipe.content, recipe.reduction)
    if recipe.style_weight:
        loss += recipe.style_weight * _style_loss(model, styles, recipe.style, blend)
    if recipe.variation_weight:
        loss += recipe.variation_weight * variation_loss()
    return loss


def _style_loss(
    model: nn.Module, styles: Sequence[AnyImages | Region], layers: LayerWeights, blend: Sequence[float] | None
) -> Loss:
    regions = [style for style in styles if isinstance(style, Region)]
    if not regions:
        return style_loss(model, [_picture(style) for style in styles], layers, blend=blend)
    if len(regions) < len(styles) or blend is not None:
        raise BadInput("give regions alone, without other styles or shares: each region has one style")
    return region_loss(model, regions, layers)
