"""Configurations and claims of the page on patches and receptive fields."""

from dataclasses import replace

from innerview.replicate import Measurement, Paper, Run
from replication.methods.patches import measures
from replication.methods.patches.config import Config

LAYERS = ("relu0", "blocks.0", "blocks.1", "blocks.2", "blocks.3", "blocks.4", "blocks.5", "blocks.7", "blocks.10",
          "blocks.14", "blocks.15")  # fmt: skip


def embedded(config: Config) -> Config:
    """The same with EfficientNet-Lite0 and pieces of scikit-image's photographs."""
    layers = LAYERS if len(config.layers) > 3 else LAYERS[1:6:2]
    units = tuple((layer, tuple(range(4))) for layer in ("blocks.2", "blocks.4", "blocks.10"))[: len(config.units)]
    inside = "blocks.3" if "blocks.3" in layers else layers[-1]
    return replace(config, model="efficientnet_lite0", layers=layers, inside=inside, units=units, photographs=36)


SMOKE = Config(
    layers=("conv1_7x7_s2", "inception_3a", "inception_4a"), large=320, noise=3, measured=3,
    units=(("inception_3a", (5, 60)),), photographs=16, count=4, alone=1,
)  # fmt: skip

PAPER = Paper(
    citation="girshick2014rcnn",
    title="Rich feature hierarchies for accurate object detection and semantic segmentation",
    presets={"paper": Config(photographs=1000), "book": Config(), "smoke": SMOKE},
    embedded=embedded,
    needs=lambda config: ["bvlc_googlenet", "imagenet_sample"] if config.model == "googlenet" else [],
)


@PAPER.claim("alexnet-pool5", source="Girshick et al., Sec. 3.1", paper=195, tolerance=0, unit="pixels")
def alexnet_pool5(run: Run) -> Measurement:
    """A unit of AlexNet's pool5 has a receptive field of 195x195 pixels in the original 227x227 pixel input."""
    found = measures.alexnet_field(run)
    return Measurement(found.right - found.left, f"rows {found.top} to {found.bottom}, reckoned")


@PAPER.claim("three-ways-one-field", source="ours", unit="share of the layers", at_least=1.0)
def three_ways_one_field(run: Run) -> Measurement:
    """What kernels and strides say, what NaN reaches and what a gradient reaches are the same pixels in every layer."""
    found = measures.fields(run)
    same = [one.agree for one in found.values()]
    return Measurement(sum(same) / len(same), f"{sum(same)} of {len(same)} layers")


@PAPER.claim("effective-field-is-small", source="Luo et al., Sec. 1", unit="of the side", at_most=0.5)
def effective_field_is_small(run: Run) -> Measurement:
    """The effective field takes only a fraction of the receptive field; spread evenly, 80% would need 0.89."""
    one = measures.fields(run)[run.config.inside]
    return Measurement(
        one.effective.side / one.whole, f"{one.effective.side} of {one.whole} pixels, {run.config.inside}"
    )


@PAPER.claim("the-fraction-shrinks", source="Luo et al., Sec. 2", unit="times", at_most=0.75)
def the_fraction_shrinks(run: Run) -> Measurement:
    """With depth the effective field becomes a smaller fraction of the receptive field."""
    found = measures.fields(run)
    first, last = (one.effective.side / one.whole for one in (next(iter(found.values())), found[run.config.inside]))
    return Measurement(last / first, f"{first:.2f} in the first layer, {last:.2f} in {run.config.inside}")


@PAPER.claim("a-patch-alone-excites", source="ours", unit="share of the response", at_least=0.5)
def a_patch_alone_excites(run: Run) -> Measurement:
    """A patch of the effective field, with all else grey, keeps at least half of the unit's response."""
    found = measures.kept_alone(run)
    told = ", ".join(f"{layer} {shares['inside']:.2f}" for layer, shares in found.items())
    return Measurement(sum(shares["inside"] for shares in found.values()) / len(found), told)


@PAPER.claim("without-it-little-is-left", source="ours", unit="share of the response", at_most=0.3)
def without_it_little_is_left(run: Run) -> Measurement:
    """With the patch made grey, less than a third is left of the response."""
    found = measures.kept_alone(run)
    told = ", ".join(f"{layer} {shares['outside']:.2f}" for layer, shares in found.items())
    return Measurement(sum(shares["outside"] for shares in found.values()) / len(found), told)


PAPER.unmeasured(
    "ten-million-regions",
    source="Girshick et al., Sec. 3.1",
    statement="Among about 10 million regions of held-out photographs, units fire for concepts such as people or text.",
    reason="the detection network is not at hand, and there are some hundred photographs here",
)
