"""What the replication makes: the paper's numbers, the released code's, and the sizes of the studies beside it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from innerview.synthesis import STYLE_LAYERS, Descent, StyleRecipe
from innerview.synthesis.style import Colors, Start

CHANNELS: Final[Mapping[str, int]] = MappingProxyType(dict(zip(STYLE_LAYERS, (64, 128, 256, 512, 512), strict=True)))


@dataclass(frozen=True)
class Style:
    """A picture that lends its style."""

    title: str
    photo: str
    ratio: float
    r"""$\alpha / \beta$ of Fig. 2."""


STYLES: Final = (
    Style("The Shipwreck", "style_inputs/shipwreck.jpg", 1e-3),
    Style("Starry Night", "style_inputs/starry_night.jpg", 8e-4),
    Style("The Scream", "style_inputs/the_scream.jpg", 5e-3),
    Style("Pebbles", "texture_pebbles/pebbles.jpg", 1e-3),  # ours
)


@dataclass(frozen=True)
class Config:
    """Settings; section and figure numbers are those of the paper {cite}`gatys2016style`."""

    model: str = "vgg19_normalized"  # average pooling, mean activations of one; Sec. 2
    photo: str = "style_inputs/tubingen.jpg"  # Fig. 2
    styles: tuple[Style, ...] = STYLES
    content_layers: tuple[str, ...] = ("conv4_2",)  # Sec. 3
    style_layers: tuple[str, ...] = STYLE_LAYERS  # Sec. 3
    reconstructed: tuple[str, ...] = ("conv1_2", "conv2_2", "conv3_2", "conv4_2", "conv5_2")  # Fig. 1
    compared: tuple[str, ...] = ("conv2_2", "conv4_2")  # content layers of Fig. 5
    ratios: tuple[float, ...] = (1e-5, 1e-4, 1e-3, 1e-2)  # alpha / beta of Fig. 3
    start: Start = "noise"  # Sec. 3; the released code starts from the content
    style_scale: float = 1.0  # the style's shorter side by the content's
    variation_weight: float = 0.0  # total variation, which neither the paper nor the released code has
    size: int = 512  # pixels of the shorter side, of Fig. 2
    steps: int = 500  # of the released code
    study_size: int = 512  # pixels, of all other figures
    study_steps: int = 500
    grid_size: int = 512  # pixels, of Fig. 3
    grid_steps: int = 500
    inverted: tuple[str, ...] = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")  # with priors; ours
    fast_size: int = 512  # pixels of what a trained network is given; ours
    loss_model: str = "vgg19"  # with which the networks were trained; ours


@dataclass(frozen=True)
class Transfer:
    """One picture: how it is made, and which styles it takes."""

    styles: tuple[str, ...]
    recipe: StyleRecipe
    size: int
    seed: int = 0
    blend: tuple[float, ...] | None = None
    regions: bool = False
    """Whether the first style is the sky's and the second the rest's."""


CALIBRATED: Final = 5.0
"""How many times as much the style counts as in the units of the released code, so that a ratio gives about the picture
that the paper shows for it; by eye."""


def style_weights(
    config: Config, ratio: float, layers: tuple[str, ...] | None = None, factor: float = CALIBRATED
) -> dict[str, float]:
    r"""Return the style's weights for a ratio $\alpha / \beta$.

    In the released code the content is a mean of squares, and each layer's Gram matrices count $10^3 / N_l^2$: a ratio
    of 1e-3, with a `factor` of 1. The 4 undoes the 1/4 of our distance.
    """
    chosen = config.style_layers if layers is None else layers
    return {layer: factor * 4 / ratio / CHANNELS.get(layer, 256) ** 2 for layer in chosen}


def recipe(config: Config, ratio: float, steps: int, **changes: object) -> StyleRecipe:
    """Return how a style is transferred."""
    usual = StyleRecipe(
        content=config.content_layers, style=_Weights(style_weights(config, ratio)), start=config.start,
        style_scale=config.style_scale, variation_weight=config.variation_weight, descent=Descent(steps=steps),
    )  # fmt: skip
    return replace(usual, **changes)  # pyright: ignore[reportArgumentType]


class _Weights(dict[str, float]):
    """Weights that count by value, so that a recipe that holds them can be told from another."""

    def __hash__(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return hash(tuple(self.items()))


def style_variants(config: Config) -> Mapping[str, Transfer]:
    """Panel title -> the photograph in one style after another; Fig. 2."""
    return MappingProxyType(
        {
            style.title: Transfer((style.photo,), recipe(config, style.ratio, config.steps), config.size)
            for style in config.styles
        }
    )


def grid_variants(config: Config) -> Mapping[str, Transfer]:
    """Panel title -> more and more layers of the style, by the ratio of content and style; Fig. 3."""
    found = {}
    for count in range(1, len(config.style_layers) + 1):
        layers = config.style_layers[:count]
        for ratio in config.ratios:
            how = recipe(config, ratio, config.grid_steps, style=_Weights(style_weights(config, ratio, layers)))
            found[f"{layers[-1]}, {ratio:g}"] = Transfer((grid_style(config).photo,), how, config.grid_size)
    return MappingProxyType(found)


def grid_style(config: Config) -> Style:
    """Return the style of all figures but Fig. 2; Composition VII, which the paper has in Fig. 3, is not at hand."""
    return config.styles[1]


def _study(config: Config, **changes: object) -> Transfer:
    style = grid_style(config)
    return Transfer((style.photo,), recipe(config, style.ratio, config.study_steps, **changes), config.study_size)


def content_variants(config: Config) -> Mapping[str, Transfer]:
    """Panel title -> the layer at which the content is compared; Fig. 5."""
    return MappingProxyType({layer: _study(config, content=(layer,)) for layer in config.compared})


def start_variants(config: Config) -> Mapping[str, Transfer]:
    """Panel title -> the image that the descent begins with; Fig. 6."""
    kinds: dict[str, Start] = {"From the content": "content", "From the style": "style", "From noise": "noise"}
    found = {title: _study(config, start=start) for title, start in kinds.items()}
    return MappingProxyType(found | {"From other noise": replace(found["From noise"], seed=1)})


def color_variants(config: Config) -> Mapping[str, Transfer]:
    """Panel title -> whose colours the picture has."""
    kinds: dict[str, Colors] = {"The style's": "style", "Style recoloured": "matched", "Luminance only": "content"}
    return MappingProxyType({title: _study(config, colors=colors) for title, colors in kinds.items()})


def mixed_variants(config: Config) -> Mapping[str, Transfer]:
    """Panel title -> one style, another, both at once, and each in a part of the picture."""
    first, second = config.styles[1], config.styles[2]
    one = _study(config)
    both = replace(one, styles=(first.photo, second.photo), blend=(0.5, 0.5))
    return MappingProxyType(
        {
            first.title: one,
            second.title: replace(one, styles=(second.photo,)),
            "Half of each": both,
            "One for the sky": replace(both, blend=None, regions=True),
        }
    )


def reading_variants(config: Config) -> Mapping[str, Transfer]:
    """Panel title -> the unit in which the ratio of Fig. 2 is read."""
    ratio = grid_style(config).ratio
    printed = _study(
        config, content_weight=ratio, reduction="sum", style=_Weights(dict.fromkeys(config.style_layers, 1 / 5))
    )
    released = _study(config, style=_Weights(style_weights(config, ratio, factor=1.0)))
    return MappingProxyType({"Calibrated": _study(config), "Released code's units": released, "As printed": printed})


PAPER_CONFIG: Final = Config()
RELEASED: Final = replace(PAPER_CONFIG, start="content")
BOOK: Final = replace(
    PAPER_CONFIG, start="content", size=192, steps=120, study_size=128, study_steps=80, grid_size=96, grid_steps=60,
    fast_size=256, style_scale=2.0, variation_weight=1e-2,
)  # fmt: skip
SMOKE: Final = replace(
    BOOK, size=40, steps=6, study_size=36, study_steps=6, grid_size=32, grid_steps=4, styles=STYLES[:3],
    style_layers=STYLE_LAYERS[:3], ratios=(1e-4, 1e-2), reconstructed=("conv1_2", "conv3_2"),
    inverted=("conv1_1", "conv3_1"), fast_size=48,
)  # fmt: skip


def embedded(config: Config) -> Config:
    """The same study of EfficientNet-Lite0, on photographs that scikit-image carries."""
    blocks = ("blocks.0", "blocks.2", "blocks.4", "blocks.6", "blocks.8")
    photographs = ("skimage/gravel", "skimage/brick", "skimage/grass", "skimage/coffee")
    styles = tuple(replace(style, photo=photo) for style, photo in zip(config.styles, photographs, strict=False))
    return replace(
        config, model="efficientnet_lite0", photo="skimage/chelsea", styles=styles, content_layers=("blocks.6",),
        style_layers=blocks[: len(config.style_layers)], reconstructed=blocks[: len(config.reconstructed)],
        compared=("blocks.2", "blocks.6"), inverted=blocks[: len(config.inverted)], loss_model="efficientnet_lite0",
    )  # fmt: skip
