"""Configurations and claims of the page on first-layer filters and feature maps."""

from dataclasses import replace

from innerview.replicate import Measurement, Paper, Run
from replication.methods.filters import measures
from replication.methods.filters.config import Config

LAYERS = ("relu0", "blocks.1.relu1", "blocks.3.relu1", "blocks.6.relu1", "blocks.10.relu1", "blocks.15.relu1", "relu1")
"""Layers of EfficientNet-Lite0 behind a ReLU each."""


def embedded(config: Config) -> Config:
    """The same for EfficientNet-Lite0, alone, with scikit-image's photographs."""
    shown = (LAYERS[0], LAYERS[2], LAYERS[4], LAYERS[6])
    return replace(config, model="efficientnet_lite0", others=(), layers=LAYERS, shown=shown)


PAPER = Paper(
    citation="krizhevsky2012imagenet",
    title="ImageNet Classification with Deep Convolutional Neural Networks",
    presets={"paper": Config(photographs=3000), "book": Config(), "smoke": Config(photographs=10, strongest=3)},
    embedded=embedded,
    needs=lambda config: (
        ["bvlc_googlenet", "squeezenet1_1", "imagenette160_train"] if config.model == "googlenet" else []
    ),
)


@PAPER.claim("coloured-filters-are-blots", source="Sec. 6.1, Fig. 3", unit="times", at_most=0.7)
def coloured_filters_are_blots(run: Run) -> Measurement:
    """Filters are stripes of many frequencies, and coloured blots: the coloured ones have the lower frequency."""
    found = measures.median_frequencies(run)
    note = f"medians {found['coloured']:.3f} and {found['grey']:.3f} cycles per pixel"
    return Measurement(found["coloured"] / found["grey"], note)


@PAPER.claim("stripes-of-every-orientation", source="Sec. 6.1, Fig. 3", unit="sectors of 8", at_least=6)
def stripes_of_every_orientation(run: Run) -> Measurement:
    """The grey filters stand in every orientation: nearly all sectors of 22.5 degrees hold one."""
    found = measures.sectors(run)
    return Measurement(
        sum(count > 0 for count in found), f"filters in each, from level up: {', '.join(map(str, found))}"
    )


@PAPER.claim("deeper-layers-fire-less", source="ours", unit="times", at_least=1.2)
def deeper_layers_fire_less(run: Run) -> Measurement:
    """The share of zeros in the last layer is larger than in the first."""
    first, *_, last = [one.sparsity for one in measures.counted(run).values()]
    return Measurement(last / first, f"{first:.2f} in the first, {last:.2f} in the last")


@PAPER.claim("hardly-a-channel-is-dead", source="ours", unit="share of channels", at_most=0.01)
def hardly_a_channel_is_dead(run: Run) -> Measurement:
    """A trained network has next to no channels that never fire."""
    found = measures.counted(run)
    dead, channels = sum(len(one.dead) for one in found.values()), sum(len(one.zeros) for one in found.values())
    return Measurement(dead / channels, f"{dead} of {channels} in {len(found)} layers")


PAPER.unmeasured(
    "two-halves-specialise",
    source="Sec. 6.1",
    statement="The filters on one GPU are largely colour-agnostic, those on the other largely colour-specific.",
    reason="the paper's network, split over two GPUs, was not published",
)
