"""Configurations and claims of the page on learned priors.

The papers show images and give no numbers for how real they look, so every claim states a threshold of ours, written
down before anything was measured.
"""

from dataclasses import replace

import torch

from innerview.core.spectrum import high_frequency_share
from innerview.evaluation import kernel_distance
from innerview.replicate import Measurement, Paper, Run
from innerview.synthesis import PlugAndPlayRecipe
from replication.methods.learned_priors.config import GENERATORS, Config
from replication.methods.learned_priors.made import (
    class_images,
    patch_prior,
    patched_images,
    priors,
    sample_features,
    sampled,
)

BOOK = Config()
PAPER_CONFIG = replace(BOOK, size=227, steps=200, samples=2000, patches=20_000, plug=PlugAndPlayRecipe(size=227))
SMOKE = replace(
    BOOK, samples=8, shown=3, inside=("church", "tench"), outside=("banana", "flamingo"), size=64, steps=2,
    plug=PlugAndPlayRecipe(steps=2, size=64), images=2, photographs=8, patches=200,
)  # fmt: skip


def embedded(config: Config) -> Config:
    """The same study of EfficientNet-Lite0, which is then also the network that judges."""
    return replace(config, model="efficientnet_lite0", layer="pool")


PAPER = Paper(
    citation="nguyen2016synthesizing",
    title="Learned Priors: Generators and Patches",
    presets={"book": BOOK, "paper": PAPER_CONFIG, "smoke": SMOKE},
    embedded=embedded,
    needs=lambda config: (
        ["bvlc_googlenet", "imagenette160_train", "imagenette160_val"] if config.model == "googlenet" else []
    ),
)


@PAPER.claim("gan-nearer-to-photographs", source="Larsen et al., Sec. 4", unit="times", at_most=0.8, tolerance=0.2)
def gan_nearer_to_photographs(run: Run) -> Measurement:
    """An adversary brings a decoder's random images nearer to photographs."""
    found = sample_features(run)
    far = {title: kernel_distance(found[title], found["Photographs"]) for title in GENERATORS.values()}
    plain, trained = far[GENERATORS["vae"]], far[GENERATORS["gan"]]
    own = kernel_distance(found["Other photographs"], found["Photographs"])
    return Measurement(trained / plain, f"kernel distances {plain:.3f} and {trained:.3f}; other photographs {own:.3f}")


@PAPER.claim("generator-lowers-high-frequencies", source="Nguyen et al. 2016, Sec. 1", unit="times", at_most=0.5)
def generator_lowers_high_frequencies(run: Run) -> Measurement:
    """A generator as prior keeps high spatial frequencies, above .25 cycles per pixel, out of class images."""
    shares = {
        title: float(high_frequency_share(class_images(run, run.config.inside, title).images).mean())
        for title in ("No prior", GENERATORS["gan"])
    }
    return Measurement(shares[GENERATORS["gan"]] / shares["No prior"], _listed(shares, ".3f"))


@PAPER.claim("priors-cost-activation", source="ours", unit="times", at_most=0.9)
def priors_cost_activation(run: Run) -> Measurement:
    """What looks more like a photograph excites less: logits under the generator stay below those without a prior."""
    values = {
        title: float(class_images(run, run.config.inside, title).values.mean())
        for title in ("No prior", "Fourier, transforms", *GENERATORS.values())
    }
    return Measurement(values[GENERATORS["gan"]] / values["No prior"], f"mean logits: {_listed(values, '.1f')}")


@PAPER.claim("seen-by-another-network", source="Nguyen et al. 2016, Sec. 3.3", unit="times", at_most=0.5)
def seen_by_another_network(run: Run) -> Measurement | None:
    """Images under the generator are less the network's own: another network ranks their classes higher."""
    if run.config.other == run.config.model:
        return None
    found = {
        title: float(class_images(run, run.config.inside, title).ranks.log().mean().exp())
        for title in ("No prior", "Fourier, transforms", *GENERATORS.values())
    }
    note = f"geometric means of the ranks among 1000: {_listed(found, '.0f')}"
    return Measurement(found[GENERATORS["gan"]] / found["No prior"], note)


@PAPER.claim("classes-are-reached", source="Nguyen et al. 2017, Sec. 4", unit="probability", at_least=0.5)
def classes_are_reached(run: Run) -> Measurement:
    """A code that wanders reaches images that the classifier takes for the class, among those of the photographs."""
    found = {name: float(sampled(run, name)["probabilities"].mean()) for name in run.config.inside}
    return Measurement(sum(found.values()) / len(found), _listed(found, ".2f"))


@PAPER.claim("unknown-classes-are-not", source="Nguyen et al. 2016, Sec. 3.4", unit="times", at_most=0.5)
def unknown_classes_are_not(run: Run) -> Measurement:
    """What the generator has never seen it cannot draw: such classes reach lower probabilities."""
    known, unknown = (
        torch.stack([sampled(run, name)["probabilities"].mean() for name in names])
        for names in (run.config.inside, run.config.outside)
    )
    told = {name: float(value) for name, value in zip(run.config.outside, unknown, strict=True)}
    return Measurement(unknown.mean() / known.mean(), _listed(told, ".2f"))


@PAPER.claim("patches-come-nearer", source="Wei et al., Sec. 3", unit="times", at_most=0.8)
def patches_come_nearer(run: Run) -> Measurement:
    """The prior of patches brings the patches of class images nearer to those of photographs."""
    known = patch_prior(run)
    with_prior, without = patched_images(run), class_images(run, run.config.inside, "Fourier, transforms")
    near, far = (float(known.distances(one.images).mean()) for one in (with_prior, without))
    note = f"{near:.3f} and {far:.3f}; mean logits {with_prior.values.mean():.1f} and {without.values.mean():.1f}"
    return Measurement(near / far, note)


PAPER.sweep(
    "priors", priors, lambda run, shown: {title: class_images(run, run.config.inside, title).images for title in shown}
)
PAPER.unmeasured(
    "people-find-them-natural",
    source="Nguyen et al. 2016, Sec. 1",
    statement="People find images under a generator more natural than those of earlier ways.",
    reason="no people were asked",
)


def _listed(values: dict[str, float], form: str) -> str:
    return ", ".join(f"{title} {value:{form}}" for title, value in values.items())
