"""Configurations and claims of the replication of class images by plain gradient ascent.

Four papers: {cite}`simonyan2014deep`, {cite}`yosinski2015understanding`, {cite}`nguyen2016multifaceted` and
{cite}`wei2015intraclass`. None gives a number for what its images look like, so every claim states a threshold of ours.
"""

from dataclasses import replace

import torch

from innerview.core.spectrum import high_frequency_share
from innerview.replicate import Measurement, Paper, Run
from replication.simonyan2014_class_images.config import Config
from replication.simonyan2014_class_images.made import (
    class_models,
    clusters,
    distances,
    features,
    matches,
    other_ranks,
    photographs,
    regularized,
    smooth_models,
    target_probabilities,
    ways,
)


def shortened(config: Config, steps: int) -> Config:
    """Return the same configuration with so many steps everywhere."""
    recipes = {name: replace(getattr(config, name), steps=steps) for name in ("plain", "smooth", "facet")}
    return replace(config, steps=steps, **recipes)


PAPER_CONFIG = shortened(Config(), 1000)
BOOK = shortened(Config(), 80)
SMOKE = replace(
    shortened(Config(), 2), size=96, classes=("lemon", "goose"), photographs=16, clusters=2, nearest=3, noise=20.0
)  # fmt: skip


def embedded(config: Config) -> Config:
    """The same study of EfficientNet-Lite0; crops of one photograph of a cup of coffee are the class's photographs."""
    return replace(config, model="efficientnet_lite0", layer="pool", faceted="espresso")


PAPER = Paper(
    citation="simonyan2014deep",
    title="Deep Inside Convolutional Networks: Visualising Image Classification Models and Saliency Maps",
    presets={"paper": PAPER_CONFIG, "book": BOOK, "smoke": SMOKE},
    embedded=embedded,
    needs=lambda config: ["bvlc_googlenet", "imagenette160_train"] if config.model == "googlenet" else [],
)


@PAPER.claim(
    "certain-of-class-models", source="Simonyan et al., Sec. 2", unit="probability", at_least=0.99, tolerance=0.09
)
def certain_of_class_models(run: Run) -> Measurement:
    """The network is all but certain of each image that plain ascent makes, though none looks like a photograph."""
    found = class_models(run)
    sure, fine = target_probabilities(run, found, run.config.classes), high_frequency_share(found.images)
    real = high_frequency_share(photographs(run, 50))
    note = f"the lowest; share of high frequencies {fine.mean():.2f}, photographs' {real.mean():.2f}"
    return Measurement(sure.min(), note)


@PAPER.claim("regularisers-lower-high-frequencies", source="Yosinski et al., Sec. 3", unit="times", at_most=0.5)
def regularisers_lower_high_frequencies(run: Run) -> Measurement:
    """All four regularisers lower the share of high spatial frequencies, above .25 cycles per pixel."""
    plain, smooth = (float(high_frequency_share(made(run).images).mean()) for made in (class_models, smooth_models))
    return Measurement(smooth / plain, f"{plain:.2f} with the L2 penalty alone, {smooth:.2f} with all four")


@PAPER.claim("blur-rather-than-decay", source="Yosinski et al., Sec. 3", unit="times", at_most=0.6)
def blur_rather_than_decay(run: Run) -> Measurement:
    """It is the blur that does it: with it alone the share of high frequencies is lower than with L2 decay alone."""
    shares = {title: float(high_frequency_share(found.images)) for title, found in regularized(run).items()}
    note = ", ".join(f"{title.lower()} {share:.2f}" for title, share in shares.items())
    return Measurement(shares["Blur"] / shares["L2 decay"], note)


@PAPER.claim("half-the-pixels-suffice", source="Yosinski et al., Sec. 3", unit="share of the score", at_least=0.5)
def half_the_pixels_suffice(run: Run) -> Measurement:
    """Cutting the half of the pixels that is closest to grey costs less than half of the score."""
    found = regularized(run)
    scores = {title: float(found[title].values) for title in ("None", "Small norms cut")}
    grey = float(empty(found["Small norms cut"].images).float().mean())
    note = f"logits {scores['None']:.0f} and {scores['Small norms cut']:.0f}, where {grey:.0%} of the pixels are grey"
    return Measurement(scores["Small norms cut"] / scores["None"], note)


def empty(images: torch.Tensor) -> torch.Tensor:
    """Return which pixels are the commonest one of their image, ``(b, h, w)``: that which nothing has drawn on."""
    commonest = images.flatten(2).mode(dim=2).values[..., None, None]
    return ((images - commonest).abs() < 1e-6).all(1)


@PAPER.claim("seen-by-another-network", source="ours", unit="times", at_most=0.8)
def seen_by_another_network(run: Run) -> Measurement | None:
    """What regularised images show is less this network's own: another network ranks their classes higher."""
    if run.config.other == run.config.model:
        return None
    names = run.config.classes
    plain, smooth = (other_ranks(run, made(run).images, names) for made in (class_models, smooth_models))
    ratio = (smooth.log().mean() - plain.log().mean()).exp()
    told = ("; ".join(", ".join(f"{rank:.0f}" for rank in ranks) for ranks in (plain, smooth))).replace(";", ", now")
    return Measurement(ratio, f"geometric means of the ranks among 1000; plain {told} regularised")


@PAPER.claim("facets-differ", source="Nguyen et al., Sec. 3", unit="times", at_least=1.1, tolerance=0.1)
def facets_differ(run: Run) -> Measurement:
    """Images that start from mean images of clusters differ more from one another than images that start from noise."""
    apart = {name: float(distances(features(run, found.images)).mean()) for name, found in ways(run).items()}
    note = f"mean cosine distance {apart['facets']:.3f} and {apart['random']:.3f}"
    return Measurement(apart["facets"] / apart["random"], f"{note}; towards centroids {apart['centroids']:.3f}")


@PAPER.claim("facets-keep-their-cluster", source="Nguyen et al., Sec. 3", unit="share of images", at_least=0.75)
def facets_keep_their_cluster(run: Run) -> Measurement:
    """An image that starts from the mean of a cluster ends nearer to that cluster's centroid than to the others'."""
    return _hits(run, "facets")


@PAPER.claim("centroids-are-met", source="Wei et al., Sec. 3", unit="share of images", at_least=0.75)
def centroids_are_met(run: Run) -> Measurement:
    """An image that is made towards the centroid of a cluster is nearest to it."""
    return _hits(run, "centroids")


def _hits(run: Run, way: str) -> Measurement:
    centroids = clusters(run)[0].centroids
    alike = matches(features(run, ways(run)[way].images), centroids)
    nearest = alike.argmax(1)
    hits = (nearest == torch.arange(len(nearest))).float()
    return Measurement(
        hits.mean(), f"cosine to the own centroid {alike.diagonal().mean():.2f}, each side less its mean"
    )
