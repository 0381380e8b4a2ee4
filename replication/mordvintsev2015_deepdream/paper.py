"""Configurations and claims of the DeepDream replication.

The sources are Google's blog post of June 2015 ("Inceptionism") and the notebook released two weeks later
{cite}`mordvintsev2015deepdream`. Neither gives a number for what it shows, so every claim states a threshold of ours.
"""

from dataclasses import replace

from innerview.core.spectrum import high_frequency_share, mean_frequency
from innerview.models import class_labels
from innerview.replicate import Measurement, Paper, Run
from innerview.replicate.photos import SKIMAGE
from innerview.synthesis import DreamRecipe
from replication.mordvintsev2015_deepdream.dreams import (
    ANIMALS,
    Config,
    blurred_correlation,
    energies,
    gains,
    guided_dreams,
    guiding,
    jitter_variants,
    kept_under_shifts,
    layer_variants,
    noise_dream,
    octave_variants,
    sky,
    sky_dream,
    spectral_slope,
    unevenness,
    variants,
    zoom_frames,
)

PAPER_CONFIG = Config()
BOOK = replace(
    PAPER_CONFIG, study_width=768, zoom_width=384, frames=40
)  # sizes only: method and steps are the notebook's
SMOKE = Config(
    width=256, study_width=192, zoom_width=192, frames=2, noise_size=(96, 128), guide_width=96,
    layers=("conv2_3x3", "inception_4c"), dream=DreamRecipe(octaves=2, steps=2), noise=DreamRecipe(octaves=2, steps=2),
)  # fmt: skip


def embedded(config: Config) -> Config:
    """The same study of EfficientNet-Lite0, on photographs that scikit-image carries."""
    stand_ins = {"conv2_3x3": "blocks.1", "inception_3a": "blocks.3", "inception_3b": "blocks.4",
                 "inception_4a": "blocks.7", "inception_4c": "blocks.10", "inception_5a": "blocks.14"}  # fmt: skip
    return replace(
        config,
        model="efficientnet_lite0",
        layer=stand_ins[config.layer],
        layers=tuple(stand_ins[name] for name in config.layers),
        guide_layer=stand_ins[config.guide_layer],
        photo=f"{SKIMAGE}rocket",
        guide=f"{SKIMAGE}coffee",
        width=min(config.width, 640),
    )


PAPER = Paper(
    citation="mordvintsev2015deepdream",
    title="Inceptionism: Going Deeper into Neural Networks, and the DeepDream notebook",
    presets={"paper": PAPER_CONFIG, "book": BOOK, "smoke": SMOKE},
    embedded=embedded,
    needs=lambda config: ["bvlc_googlenet", "deepdream_photos"] if config.model == "googlenet" else [],
)

PAPER.sweep("layers", layer_variants, variants)
PAPER.sweep("octaves", octave_variants, variants)
PAPER.sweep("jitter", jitter_variants, variants)


def _ratio(values: dict[str, float]) -> float:
    """Return the last of the values over the first."""
    first, *_, last = values.values()
    return last / first


@PAPER.claim("objective-rises", source="Notebook, `objective_L2`", unit="times", at_least=10)
def objective_rises(run: Run) -> float:
    """The dream multiplies the L2 objective of its layer: the network sees more of what it sees."""
    model, name = run.model(run.config.model), run.config.layer
    return energies(model, sky_dream(run), (name,))[name] / energies(model, sky(run), (name,))[name]


@PAPER.claim("low-frequencies-kept", source="Notebook, figures", unit="correlation", at_least=0.98, tolerance=0.03)
def low_frequencies_kept(run: Run) -> float:
    """The dream keeps the photograph's large shapes: blurred by 16 pixels, both are nearly the same."""
    return blurred_correlation(sky(run), sky_dream(run))


@PAPER.claim("low-layers-even", source="Blog post, “Lower layers …”", unit="times", at_least=1.5, tolerance=0.3)
def low_layers_even(run: Run) -> Measurement:
    """Low layers cover the whole image with strokes; high layers put objects at places, so change it less evenly."""
    image = sky(run, run.config.study_width)
    spread = {name: unevenness(dream - image) for name, dream in variants(run, layer_variants(run.config)).items()}
    low, high = run.config.layers[0], run.config.layer
    return Measurement(spread[high] / spread[low], f"{low} {spread[low]:.2f}, {high} {spread[high]:.2f}")


@PAPER.claim("octaves-enlarge", source="Notebook, “several scales”", unit="times", at_least=1.2, tolerance=0.1)
def octaves_enlarge(run: Run) -> float:
    """Without octaves, at equally many steps, the change is finer: its mean spatial frequency is higher."""
    image = sky(run, run.config.study_width)
    dreams = variants(run, octave_variants(run.config))
    return _ratio({title: float(mean_frequency(dream - image)) for title, dream in dreams.items()})


@PAPER.claim(
    "jitter-lowers-high-frequencies", source="Notebook, `jitter=32`", unit="times", at_least=1.1, tolerance=0.05
)
def jitter_lowers_high_frequencies(run: Run) -> Measurement:
    """Without jitter a larger share of the change is at high spatial frequencies, above 0.25 cycles per pixel."""
    image = sky(run, run.config.study_width)
    dreams = variants(run, jitter_variants(run.config))
    shares = {title: float(high_frequency_share(dream - image)) for title, dream in dreams.items()}
    note = "; ".join(f"{title.lower()}: {share:.3f}" for title, share in shares.items())
    return Measurement(_ratio(shares), note)


@PAPER.claim("jitter-survives-shifts", source="Notebook, `jitter=32`", unit="difference of shares", at_least=0.1)
def jitter_survives_shifts(run: Run) -> Measurement:
    """A dream with jitter still excites the layer after a shift of a few pixels; one without depends on its place."""
    model = run.model(run.config.model)
    dreams = variants(run, jitter_variants(run.config))
    kept = {title: kept_under_shifts(model, dream, run.config.layer) for title, dream in dreams.items()}
    with_jitter, without = kept.values()
    return Measurement(with_jitter - without, f"kept with jitter {with_jitter:.2f}, without {without:.2f}")


@PAPER.claim("guide-is-matched", source="Notebook, “Controlling dreams”", unit="times", at_least=1.3, tolerance=0.2)
def guide_is_matched(run: Run) -> float:
    """Guided, the dream matches the guide's features better than the free dream at the same layer does."""
    model, objective = run.model(run.config.model), guiding(run)
    return _ratio({title: float(objective(model, dream)) for title, dream in guided_dreams(run).items()})


@PAPER.claim(
    "animals-gain", source="Blog post, “trained mostly on images of animals”", unit="probability", at_least=0.05
)
def animals_gain(run: Run) -> Measurement:
    """The dream turns the sky into animals: the probability of ImageNet's 398 animal classes rises."""
    gain = gains(run)
    labels = class_labels(run.model(run.config.model))
    most = ", ".join(f"{labels[index]} {gain[index]:+.3f}" for index in gain.topk(6).indices.tolist())
    return Measurement(float(gain[:ANIMALS].sum()), f"most gained: {most}")


@PAPER.claim("zoom-keeps-dreaming", source="Notebook, “feedback loop”", unit="times", at_least=10)
def zoom_keeps_dreaming(run: Run) -> float:
    """The endless zoom never runs dry: in every frame the layer's objective stays far above the photograph's."""
    model, name = run.model(run.config.model), run.config.layer
    frames = zoom_frames(run).to(run.device)
    values = [energies(model, frame[None], (name,))[name] for frame in frames]
    return min(values[1:]) / values[0]


@PAPER.claim(
    "noise-becomes-images", source="Blog post, “pure random noise”", unit="exponent", at_most=-1.5, tolerance=0.5
)
def noise_becomes_images(run: Run) -> Measurement:
    """From noise alone come images: the flat power spectrum comes to fall with frequency as a photograph's does."""
    noise, dream = noise_dream(run)
    return Measurement(
        spectral_slope(dream),
        f"the noise has {spectral_slope(noise):.2f}, the photograph {spectral_slope(sky(run)):.2f}",
    )


PAPER.unmeasured(
    "places-network-dreams-places",
    source="Blog post, figure of landscapes",
    statement="A network trained on places (MIT Places205) dreams of buildings and landscapes instead of animals.",
    reason="the weights of that network are not in the catalog",
)
