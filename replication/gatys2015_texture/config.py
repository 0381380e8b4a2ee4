"""What the replication makes: the paper's numbers, and the sizes of the studies beside it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from innerview.synthesis import Descent, TextureRecipe
from innerview.synthesis.descent import Optimizer

VGG_LAYERS: Final = ("conv1_1", "pool1", "pool2", "pool3", "pool4")
ALL_LAYERS: Final = (
    "conv1_1", "conv1_2", "pool1", "conv2_1", "conv2_2", "pool2", "conv3_1", "conv3_2", "conv3_3", "conv3_4", "pool3",
    "conv4_1", "conv4_2", "conv4_3", "conv4_4", "pool4",
)  # fmt: skip


@dataclass(frozen=True)
class Config:
    """Settings; section and figure numbers are the paper's."""

    model: str = "vgg19_normalized"  # average pooling, mean activations of one; Sec. 2
    layers: tuple[str, ...] = VGG_LAYERS  # Sec. 4.1
    everything: tuple[str, ...] = ALL_LAYERS  # 852k parameters; Fig. 3A
    weight: float = 1e9  # of each layer; released notebook
    steps: int = 2000  # `maxiter` of the released notebook
    size: int = 256  # pixels; Sec. 3.1
    match_histogram: bool = False  # the released notebook does, the figures do not

    pebbles: str = "texture_pebbles/pebbles.jpg"
    sources: tuple[str, ...] = (
        "texture_pebbles/pebbles.jpg",
        "style_inputs/starry_night.jpg",
        "imagenet_sample/n04346328_stupa.JPEG",
    )  # Fig. 2: textures, and a photograph that is none
    study_size: int = 256  # pixels, of all but the first figure
    study_steps: int = 2000

    channels: tuple[int, ...] = (20, 64)  # of each layer: about 1k and 10k parameters; Fig. 3A
    other: str = "squeezenet1_1"  # Fig. 3B has CaffeNet, which is not at hand
    other_layers: tuple[str, ...] = ("conv1", "pool1", "pool3", "pool5")
    judge: str = "googlenet"  # sees how alike textures are, and takes part in none of them; ours
    judge_layers: tuple[str, ...] = ("conv2_3x3", "inception_3b", "inception_4c")

    # A linear classifier on Gram matrices; Sec. 4.3, Fig. 4
    probe_layers: tuple[str, ...] = ("conv1_1", "pool1", "pool2", "pool3", "pool4", "pool5")
    training: int = 700  # photographs of ten classes; the paper: ImageNet
    testing: int = 300
    probe_size: int = 128  # pixels

    means: int = 250  # photographs on which the mean activations are checked; the stored means come from these

    # What came before; ours
    before_sample: int = 64  # pixels of the sample, and of what grows from it
    before_size: int = 96
    window: int = 11

    @property
    def judged(self) -> bool:
        """Whether textures are judged by another network than made them."""
        return self.judge != self.model


@dataclass(frozen=True)
class Way:
    """One way to make a texture: the network, and what is matched."""

    model: str
    layers: tuple[str, ...]
    channels: int | None = None
    seed: int | None = None
    """Of random weights; None for the published ones."""


def recipe(config: Config, way: Way, steps: int, optimizer: Optimizer = "lbfgs") -> TextureRecipe:
    """Return how a texture is made."""
    descent = Descent(steps=steps, optimizer=optimizer)
    return TextureRecipe(dict.fromkeys(way.layers, config.weight), way.channels, config.match_histogram, descent)


def layer_sets(config: Config) -> Mapping[str, Way]:
    """Panel title -> layers from the lowest up to one; Fig. 2."""
    return MappingProxyType(
        {
            name if place == 0 else f"up to {name}": Way(config.model, config.layers[: place + 1])
            for place, name in enumerate(config.layers)
        }
    )


def parameter_counts(config: Config) -> Mapping[str, Way]:
    """Panel title -> how much is matched, from little to much; Fig. 3A."""
    usual = Way(config.model, config.layers)
    few = {f"{count} channels a layer": replace(usual, channels=count) for count in config.channels}
    return MappingProxyType(few | {"All channels": usual, "All layers": Way(config.model, config.everything)})


def networks(config: Config) -> Mapping[str, Way]:
    """Panel title -> the same layers of random weights, and layers of another network; Fig. 3B and C."""
    others = {f"{config.other}, up to {layer}": Way(config.other, config.other_layers[: place + 1])
              for place, layer in enumerate(config.other_layers) if place}  # fmt: skip
    return MappingProxyType(
        {"Trained": Way(config.model, config.layers), "Random weights": Way(config.model, config.layers, seed=0)}
        | others
    )


OPTIMIZERS: Final[Mapping[str, Optimizer]] = MappingProxyType({"L-BFGS": "lbfgs", "Adam": "adam"})
"""Label -> optimiser, for as many steps."""

PAPER_CONFIG: Final = Config()
RELEASED: Final = replace(PAPER_CONFIG, match_histogram=True)
BOOK: Final = replace(PAPER_CONFIG, steps=400, study_size=128, study_steps=150)
SMOKE: Final = replace(
    PAPER_CONFIG, steps=6, size=48, study_size=40, study_steps=8, sources=PAPER_CONFIG.sources[:2], channels=(8,),
    other_layers=("conv1", "pool1"), probe_layers=("conv1_1", "pool3"), training=20, testing=10, probe_size=64,
    means=2, before_sample=64, before_size=32, window=5,
)  # fmt: skip


def embedded(config: Config) -> Config:
    """The same study of EfficientNet-Lite0, on photographs that scikit-image carries."""
    blocks = ("blocks.0", "blocks.2", "blocks.4", "blocks.7", "blocks.10")
    few = blocks[: len(config.layers)]
    return replace(
        config, model="efficientnet_lite0", layers=few, everything=(*few, "blocks.12"), other="efficientnet_lite0",
        other_layers=("blocks.1", "blocks.3", "blocks.6"), judge="efficientnet_lite0", judge_layers=("blocks.8",),
        pebbles="skimage/gravel", sources=("skimage/gravel", "skimage/coffee"), probe_layers=("blocks.0", "blocks.7"),
        means=0,
    )  # fmt: skip
