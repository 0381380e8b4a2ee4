"""Configurations and claims of the replication of "Feature Visualization" {cite}`olah2017feature`.

The article shows pictures and gives no number for what it claims, so every claim states a threshold of ours.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch

from innerview.models import evaluate
from innerview.optimize import RELEASED, channel
from innerview.replicate import Measurement, Paper, Run
from innerview.replicate.photos import SKIMAGE
from replication.olah2017_feature_visualization import photographs, regularization, trained, visuals
from replication.olah2017_feature_visualization.config import Config, Unit

ARTICLE_CONFIG = Config()
RELEASED_CONFIG = replace(
    ARTICLE_CONFIG, steps=512, size=128, transforms=RELEASED, stages=(0, 4, 48, 512)
)  # the library's defaults
BOOK = replace(
    ARTICLE_CONFIG, steps=192, size=112, stages=(0, 4, 48, 192), regularized_stages=(1, 32, 128, 256, 512),
    conditioned_steps=192, metric_steps=96, photograph_size=128, ten_classes=1000, decoder_steps=600,
)  # fmt: skip
SMOKE = replace(
    BOOK, steps=3, size=48, stages=(0, 1, 3), regularized_size=48, regularized_stages=(1, 3), conditioned_steps=4,
    metric_steps=3, classes=(207, 301), explained=BOOK.explained[:1], diverse=BOOK.diverse[2:3], variants=2, frames=3,
    photographs=24, ten_classes=80, directions=8, shown_directions=3, examples=3, gradient_images=2, epochs=1,
    training_images=80, digit_epochs=1, decoder_steps=2, sprites=4, places=2, small_steps=2,
)  # fmt: skip

TINY = 1e-6  # in place of an activation of 0, which a picture of few steps may have

ANIMALS = 398
"""The first 398 of ImageNet's classes are animals."""

STAND_INS = {
    "inception_4a": "blocks.7", "inception_4b": "blocks.8", "inception_4c": "blocks.10", "inception_4d": "blocks.11",
    "inception_4e": "blocks.12", "inception_5a": "blocks.14", "inception_4a.3x3.conv": "blocks.7",
}  # fmt: skip
NARROWEST = 80
"""Channels of EfficientNet-Lite0's narrowest layer here."""


def embedded(config: Config) -> Config:
    """The same study of EfficientNet-Lite0, on photographs that scikit-image carries."""

    def stand_in(unit: tuple[str, int]) -> Unit:
        return Unit(STAND_INS[unit[0]], unit[1] % NARROWEST)

    return replace(
        config,
        model="efficientnet_lite0",
        growing=stand_in(config.growing),
        unit=stand_in(config.unit),
        explained=tuple(map(stand_in, config.explained)),
        signed=stand_in(config.signed),
        diverse=tuple(map(stand_in, config.diverse)),
        polysemantic=stand_in(config.polysemantic),
        pair=(stand_in(config.pair[0]), stand_in(config.pair[1])),
        directions_layer=STAND_INS[config.directions_layer],
        ends=(stand_in(config.ends[0]), stand_in(config.ends[1])),
        regularized=stand_in(config.regularized),
        plain=stand_in(config.plain),
        conditioned=tuple(map(stand_in, config.conditioned)),
        sprites_layer=STAND_INS[config.sprites_layer],
        photo=f"{SKIMAGE}chelsea",
    )


PAPER = Paper(
    citation="olah2017feature",
    title="Feature Visualization: How neural networks build up their understanding of images",
    presets={"paper": ARTICLE_CONFIG, "released": RELEASED_CONFIG, "book": BOOK, "smoke": SMOKE},
    embedded=embedded,
    needs=lambda config: (
        ["bvlc_googlenet", "imagenet_sample", "imagenette160_train", "imagenette160_val", "grad_cam_photo"]
        if config.model == "googlenet"
        else []
    ),
)


@PAPER.claim("beats-photographs", source="“Why visualize by optimization?”", unit="times", at_least=1.5)
def beats_photographs(run: Run) -> Measurement:
    """Optimization finds what excites a unit more than any of a thousand photographs does."""
    model, ratios = run.model(run.config.model), {}
    for unit, image in visuals.explained(run).items():
        read = evaluate(model, image.to(run.device), [unit.layer])[unit.layer]
        found = photographs.surveyed(run, unit.layer, photographs.thousand(run), "thousand")
        ratios[unit] = float(read[0, unit.channel].max()) / float(found.top(unit.channel, 1).values[0])
    return Measurement(min(ratios.values()), f"the least of {_listed(ratios)}")


@PAPER.claim("signs-apart", source="“Diversity”, figure of 4a:492", unit="", at_least=1)
def signs_apart(run: Run) -> Measurement:
    """A unit read before its ReLU has two ends: optimization passes the photographs' range on both sides."""
    layer, channel_ = run.config.signed
    found = photographs.surveyed(run, layer, photographs.thousand(run), "thousand")
    low, high = float(found.bottom(channel_, 1).values[0]), float(found.top(channel_, 1).values[0])
    read = evaluate(run.model(run.config.model), torch.cat(visuals.both_signs(run)).to(run.device), [layer])[layer]
    lowest, highest = float(read[0, channel_].min()), float(read[1, channel_].max())
    note = f"photographs reach {low:.0f} to {high:.0f}, the two pictures {lowest:.0f} and {highest:.0f}"
    return Measurement(min(lowest / low, highest / high), note)


@PAPER.claim(
    "probability-lowers-others", source="“Optimization objectives”", unit="share", at_least=0.25, tolerance=0.1
)
def probability_lowers_others(run: Run) -> Measurement:
    """Maximising a class's probability works in good part by making the other classes unlikely."""
    shares = {kind: float(gain[:, 1].sum() / gain.sum()) for kind, gain in visuals.gains(run).items()}
    return Measurement(
        shares["probability"],
        f"share of the gain of log odds that the other classes' fall brings; by logit {shares['logit']:.2f}; "
        "below 0: the others rise as well",
    )


@PAPER.claim("logit-raises-class", source="“Optimization objectives”", unit="times", at_least=1.2)
def logit_raises_class(run: Run) -> Measurement:
    """Maximising the logit raises the class itself further than maximising the probability does."""
    own = {kind: float(gain[:, 0].mean()) for kind, gain in visuals.gains(run).items()}
    note = f"the class's logit gains {own['logit']:.1f} by logit, {own['probability']:.1f} by probability"
    return Measurement(own["logit"] / own["probability"], note)


@PAPER.claim("diversity-spreads", source="“Diversity”", unit="times", at_most=0.8, tolerance=0.1)
def diversity_spreads(run: Run) -> Measurement:
    """The diversity term spreads the pictures of a unit: the cosine of their Gram matrices falls."""
    found = visuals.similarities(run)
    ratios = [spread / alike for alike, spread in found.values()]
    note = "; ".join(f"{unit}: {alike:.2f} to {spread:.2f}" for unit, (alike, spread) in found.items())
    return Measurement(sum(ratios) / len(ratios), note)


@PAPER.claim("polysemantic", source="“Diversity”, figure of 4e:55", unit="share", at_least=0.25, tolerance=0.1)
def polysemantic(run: Run) -> Measurement:
    """Some units answer to things that have nothing to do with one another: here to dogs and to cars."""
    unit = run.config.polysemantic
    found = photographs.surveyed(run, unit.layer, photographs.thousand(run), "thousand")
    top = found.top(unit.channel, min(20, len(found.paths))).indices
    animals = float((top < ANIMALS).mean())
    return Measurement(
        min(animals, 1 - animals), f"of the 20 photographs that excite {unit} most, {animals:.0%} show animals"
    )


@PAPER.claim("sum-excites-both", source="“Interaction between neurons”", unit="share", at_least=0.25, tolerance=0.1)
def sum_excites_both(run: Run) -> Measurement:
    """The picture of the sum of two units excites both, each at a good share of what its own picture reaches."""
    model, shares = run.model(run.config.model), {}
    alone, other, both = (image.to(run.device) for image in visuals.joint(run).values())
    for unit, own in zip(run.config.pair, (alone, other), strict=True):
        with torch.no_grad():
            shares[unit] = float(channel(*unit)(model, both)) / max(float(channel(*unit)(model, own)), TINY)
    return Measurement(min(shares.values()), _listed(shares))


@PAPER.claim("directions-less-pure", source="“Interaction between neurons”", unit="difference of shares", at_least=0.02)
def directions_less_pure(run: Run) -> Measurement:
    """Random directions answer to one kind of thing less often than channels: their top photographs are less pure."""
    return _purity_difference(run, "")


@PAPER.claim(
    "directions-less-pure-superclasses",
    source="“Interaction between neurons”",
    unit="difference of shares",
    at_least=0.02,
)
def directions_less_pure_superclasses(run: Run) -> Measurement:
    """The same over fifteen superclasses of the thousand classes, such as dogs, birds and fruit."""
    return _purity_difference(run, " over")


def _purity_difference(run: Run, suffix: str) -> Measurement:
    found = photographs.purities(run)
    channels, directions = found[f"channels{suffix}"], found[f"directions{suffix}"]
    middle, low, high = photographs.difference(channels, directions)
    note = f"channels {channels.mean():.3f}, directions {directions.mean():.3f}, 95 % interval {low:.3f} to {high:.3f}"
    return Measurement(middle, note)


@PAPER.claim("digits-directions-alike", source="Szegedy et al. 2014, Sec. 3", unit="difference of shares", at_most=0.05)
def digits_directions_alike(run: Run) -> Measurement:
    """In a network for digits, random directions mean as much as units: the top digits of both are equally pure."""
    found = trained.handwritten(run)
    units, directions, chance = (found[name].nanmean(1) for name in ("units", "directions", "chance"))
    note = (
        f"units {units.mean():.3f}, random directions {directions.mean():.3f}, chance {chance.mean():.3f}, "
        f"means of {len(units)} networks; test accuracy {found['accuracy'].mean():.3f}"
    )
    return Measurement(float((units - directions).mean()), note)


@PAPER.claim("shared-parts-align", source="“Interaction between neurons”, interpolation", unit="times", at_most=0.8)
def shared_parts_align(run: Run) -> Measurement:
    """Shared low-resolution parts make the frames between two units one shape that changes: neighbours differ less."""
    steps = {
        title: float((images[1:] - images[:-1]).square().mean().sqrt())
        for title, images in visuals.interpolated(run).items()
    }
    alone, shared = steps.values()
    return Measurement(shared / alone, f"RMS between neighbours {alone:.3f} alone, {shared:.3f} shared")


@PAPER.claim("unregularized-adversarial", source="“The enemy of feature visualization”", unit="share", at_most=0.5)
def unregularized_adversarial(run: Run) -> Measurement:
    """Without regularization the picture works only as it stands: small shifts and turns take most of its effect."""
    shares = regularization.robustness(run)
    return Measurement(shares["Nothing"], f"share that is left: {_listed(shares)}")


@PAPER.claim("transforms-survive", source="“Transformation robustness”", unit="times", at_least=1.5, tolerance=0.2)
def transforms_survive(run: Run) -> Measurement:
    """What was made under random transforms keeps its activation under shifts and turns that it never saw."""
    shares = regularization.robustness(run)
    return Measurement(shares["Both"] / shares["Decorrelated"], _listed(shares))


@PAPER.claim("transforms-lower-frequencies", source="“Transformation robustness”", unit="times", at_most=0.7)
def transforms_lower_frequencies(run: Run) -> Measurement:
    """Random transforms lower the share of energy at high spatial frequencies, above 0.25 cycles per pixel."""
    shares = regularization.high_shares(regularization.enemies(run))
    return Measurement(shares["Transforms"] / shares["Nothing"], _listed(shares))


@PAPER.claim("penalties-lower-frequencies", source="“Frequency penalization”", unit="times", at_most=0.8)
def penalties_lower_frequencies(run: Run) -> Measurement:
    """Penalties on variation and blur lower the share of high spatial frequencies; the least of the three counts."""
    last = {title: stages[max(stages)] for title, stages in regularization.regularized(run).items()}
    shares = regularization.high_shares(last)
    worst = max(shares[title] for title in ("Total variation", "Blur", "Bilateral"))
    return Measurement(worst / shares["None"], _listed(shares))


@PAPER.claim("blur-is-scaled-l2", source="“Frequency penalization”, note", unit="relative error", at_most=1e-5)
def blur_is_scaled_l2(run: Run) -> float:
    """Penalising blur is an L2 penalty in Fourier space with a weight for each frequency: the gradients are equal."""
    return regularization.blur_against_fourier(run.seed)


@PAPER.claim(
    "stride-leaves-grid", source="“The enemy of feature visualization”, checkerboards", unit="times", at_least=1.5
)
def stride_leaves_grid(run: Run) -> Measurement:
    """Strided layers leave a grid in the gradient: its strength has spectral peaks at the strides' periods."""
    found = trained.grid(run)
    ratios = dict(zip(found["periods"].tolist(), found["strength/ratios"].tolist(), strict=True))
    return Measurement(max(ratios.values()), f"peak over surroundings by period in pixels: {_listed(ratios)}")


@PAPER.claim("resize-avoids-grid", source="Odena et al. 2016", unit="times", at_least=2, tolerance=0.5)
def resize_avoids_grid(run: Run) -> Measurement:
    """A decoder that resizes and convolves leaves less of a grid in its images than one of strided deconvolutions."""
    found = trained.decoders(run)
    ratios = {
        f"{kind}, {age}": float(found[f"{kind}/{age}/ratios"][0])
        for kind in ("deconvolution", "resize")
        for age in ("untrained", "trained")
    }
    ratios["photographs"] = float(found["photographs/ratios"][0])
    return Measurement(ratios["deconvolution, trained"] / ratios["resize, trained"], _listed(ratios))


@PAPER.claim(
    "decorrelated-faster", source="“Preconditioning and parameterization”", unit="times", at_least=2, tolerance=0.5
)
def decorrelated_faster(run: Run) -> Measurement:
    """In the decorrelated space the ascent reaches in fewer steps what it reaches in pixels at the end."""
    pixels, *_, fourier = (part["history"] for part in regularization.convergence(run).values())
    level = pixels[-len(pixels) // 8 :].mean(0)
    steps = [regularization.steps_needed(history, level).float().mean() for history in (pixels, fourier)]
    return Measurement(
        float(steps[0] / steps[1].clamp(min=1)), f"steps in pixels {steps[0]:.0f}, in Fourier {steps[1]:.0f}"
    )


@PAPER.claim(
    "decorrelated-lowers-frequencies", source="“Preconditioning and parameterization”", unit="times", at_most=0.5
)
def decorrelated_lowers_frequencies(run: Run) -> Measurement:
    """Steepest ascent in the decorrelated metric makes less of high frequencies than in L2."""
    shares = regularization.high_shares(regularization.steepest(run))
    return Measurement(shares["Decorrelated"] / shares["L2"], _listed(shares))


@PAPER.claim(
    "l-infinity-raises-frequencies", source="“Preconditioning and parameterization”", unit="times", at_least=1.1
)
def l_infinity_raises_frequencies(run: Run) -> Measurement:
    """Steepest ascent in the L-infinity metric makes more of high frequencies than in L2."""
    shares = regularization.high_shares(regularization.steepest(run))
    return Measurement(shares["L∞"] / shares["L2"], _listed(shares))


@PAPER.claim("training-makes-features", source="“Introduction”; ours", unit="times", at_least=2)
def training_makes_features(run: Run) -> Measurement:
    """Features come with training: a trained network's pictures excite it more than those of the untrained one."""
    found = trained.specificity(run)
    return Measurement(found[-1], f"ratio by epoch: {', '.join(f'{ratio:.1f}' for ratio in found)}")


PAPER.unmeasured(
    "learned-prior-photorealistic",
    source="“Learned priors”",
    statement="A generative model as prior gives the most photorealistic pictures.",
    reason="the generators of Nguyen et al. are not in the catalog; a small decoder trained here shows the principle",
)
PAPER.unmeasured(
    "people-recognize-units",
    source="“Interaction between neurons”",
    statement="People find basis directions interpretable more often than random ones.",
    reason="needs people; the purity of the top photographs stands in for their judgement",
)


def _listed(values: Mapping[Any, float]) -> str:
    return ", ".join(f"{name} {value:.3g}" for name, value in values.items())
