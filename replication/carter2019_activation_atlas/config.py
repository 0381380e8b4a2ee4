"""Presets of the activation atlas, and its stand-ins for the embedded model."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from innerview.atlas import AtlasRecipe, IconRecipe, Reduction, Sampling
from innerview.optimize import Recipe


@dataclass(frozen=True)
class ArticleAttack:
    """One of the article's patch attacks, with its rates in percent.

    Args:
        source: Class of the photographs.
        target: What they shall be taken for.
        named: Class of the patch.
        patched: Success at the best and at the fixed place.
        noise: The same with patches of noise.
    """

    source: str
    target: str
    named: str
    patched: tuple[float, float]
    noise: tuple[float, float]


ARTICLE_ATTACKS: Final = (
    ArticleAttack("snorkel", "scuba diver", "steam locomotive", (85.0, 65.4), (13.9, 4.2)),
    ArticleAttack("grey whale", "great white shark", "baseball", (40.5, 18.8), (11.3, 4.3)),
    ArticleAttack("frying pan", "wok", "carbonara", (44.9, 25.6), (18.3, 4.6)),  # noodles; ImageNet's class of them
)
"""“Further isolating classes”, table."""


@dataclass(frozen=True)
class Config:
    """Settings of the article unless a comment says otherwise; N stands for the released notebook."""

    model: str = "googlenet"  # InceptionV1; here the BVLC's weights
    imagenet: str = ""  # folder of photographs in place of the sample, such as ILSVRC's training images
    limit: int | None = None  # take so many of them
    layers: tuple[str, ...] = ("inception_4a", "inception_4c", "inception_4e", "inception_5b")
    main: str = "inception_4c"  # the layer that most figures show; N
    sampling: Sampling = field(default_factory=Sampling)  # one activation an image, edges excluded
    ridge: float = 1e-3  # of the whitening; N has none
    main_densities: tuple[int, ...] = (20, 40, 80, 160)
    densities: tuple[int, ...] = (20, 40)  # of the other layers
    atlas: AtlasRecipe = field(
        default_factory=lambda: AtlasRecipe(
            reduction=Reduction(neighbors=50, min_dist=0.05), icons=IconRecipe(80, Recipe(steps=1024), tries=4)
        )
    )

    # Classes
    class_layer: str = "inception_5b"
    classes: tuple[str, ...] = ("fireboat", "streetcar")
    class_count: int = 3000
    class_density: int = 8
    class_minimum: int = 4
    through: str = "head cabbage"  # the class that is followed over the layers
    pair: tuple[str, str] = ("snorkel", "scuba diver")
    pair_count: int = 2000
    pair_density: int = 10
    focus: tuple[str, ...] = ("sandbar", "seashore", "breakwater")
    objective_cells: int = 6  # of the study of the objective; ours

    # Other images, another network; ours
    ten: str = "imagenette160_train"
    ten_sampling: Sampling = field(default_factory=lambda: Sampling(positions=2))
    other_model: str = "efficientnet_lite0"
    other_layer: str = "blocks.15"

    # Patches
    attacks: tuple[ArticleAttack, ...] = ARTICLE_ATTACKS
    found_pairs: int = 10
    victims: int = (
        100  # photographs of each class, those that are classified correctly; the article's number is not told
    )
    near: int = 500  # single photographs that are pushed to the class that the network thinks of second; ours
    share: float = 0.4  # of the photographs' width
    shares: tuple[float, ...] = (0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


PAPER_CONFIG: Final = Config()

RELEASED: Final = replace(
    PAPER_CONFIG,
    limit=100_000,
    layers=("inception_4c", "inception_4e", "inception_5b"),
    main_densities=(20,),
    densities=(20,),
    atlas=AtlasRecipe(
        minimum=10,
        clip=(1, 99),
        reduction=Reduction(neighbors=20, min_dist=0.01),
        icons=IconRecipe(80, Recipe(steps=512), cosine_power=4),
    ),
)

BOOK: Final = replace(
    PAPER_CONFIG,
    layers=("inception_4c", "inception_4e", "inception_5b"),
    sampling=Sampling(positions=4, keep=200),  # of a thousand photographs, where the article has one of a million
    ridge=1.0,  # four thousand activations do not tell the weak axes from noise
    main_densities=(10, 20),
    densities=(8,),
    atlas=AtlasRecipe(
        minimum=8, reduction=Reduction(neighbors=20, min_dist=0.05), icons=IconRecipe(64, Recipe(steps=96))
    ),
    class_count=100,
    class_density=5,
    class_minimum=2,
    pair_count=80,
    pair_density=6,
    ten_sampling=Sampling(positions=2, keep=200),
    victims=10,
    near=40,
)

SMOKE: Final = replace(
    BOOK,
    limit=24,
    layers=("inception_4c", "inception_5b"),
    sampling=Sampling(positions=8, edge=0, size=96, keep=1000),
    main_densities=(3, 6),
    densities=(3,),
    atlas=AtlasRecipe(minimum=2, reduction=Reduction("pca"), icons=IconRecipe(32, Recipe(steps=12), batch=32)),
    class_count=40,
    class_density=3,
    class_minimum=2,
    pair_count=20,
    pair_density=3,
    objective_cells=2,
    ten_sampling=Sampling(positions=8, edge=0, size=96, keep=1000),
    found_pairs=2,
    victims=2,
    near=2,
    shares=(0.0, 0.5),
)

STAND_INS: Final[Mapping[str, str]] = MappingProxyType(
    {"inception_4a": "blocks.6", "inception_4c": "blocks.8", "inception_4e": "blocks.10", "inception_5b": "blocks.15"}
)


def embedded(config: Config) -> Config:
    """Return the configuration for the embedded model and scikit-image's photographs."""
    return replace(
        config,
        model="efficientnet_lite0",
        imagenet="",
        limit=min(config.limit or 120, 120),
        layers=tuple(STAND_INS[layer] for layer in config.layers),
        main=STAND_INS[config.main],
        class_layer=STAND_INS[config.class_layer],
    )
