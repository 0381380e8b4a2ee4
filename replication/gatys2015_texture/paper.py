"""Presets and claims of the texture replication {cite}`gatys2015texture`.

The paper gives few numbers: most of its claims are pictures. Where we put a number to one, the threshold is ours. How
alike two textures are is judged by the Gram matrices of a network that took no part in making them.
"""

from itertools import pairwise

import torch

from innerview.core.spectrum import mean_frequency
from innerview.replicate import Measurement, Paper, Run
from innerview.synthesis.losses import style_loss
from replication.gatys2015_texture import literal
from replication.gatys2015_texture.config import (
    BOOK,
    PAPER_CONFIG,
    RELEASED,
    SMOKE,
    Config,
    Way,
    embedded,
    layer_sets,
    networks,
    parameter_counts,
)
from replication.gatys2015_texture.probes import accuracies
from replication.gatys2015_texture.textures import (
    descents,
    judged,
    layer_distances,
    made,
    normalization,
    position_error,
    sample,
    textures,
    unrelated_error,
)


def needs(config: Config) -> list[str]:
    """Return the assets of a configuration."""
    if config.model == "efficientnet_lite0":
        return []
    photographs = [name.partition("/")[0] for name in config.sources]
    probes = ["imagenette160_train", "imagenette160_val"]
    weights = ["vgg19_uint8", "vgg19_float32_early", "squeezenet1_1", "bvlc_googlenet"]
    return list(dict.fromkeys([*weights, *photographs, "imagenet_sample", *probes]))


PAPER = Paper(
    citation="gatys2015texture",
    title="Texture Synthesis Using Convolutional Neural Networks",
    presets={"smoke": SMOKE, "book": BOOK, "paper": PAPER_CONFIG, "released": RELEASED},
    embedded=embedded,
    needs=needs,
)

PAPER.sweep("layers", layer_sets, textures)
PAPER.sweep("parameters", parameter_counts, textures)
PAPER.sweep("networks", networks, textures)


@PAPER.claim("loss-is-the-papers", source="Eqs. 1 to 3", unit="relative difference", at_most=1e-5)
def loss_is_the_papers(run: Run) -> Measurement:
    """The total loss is that of an independent implementation of the equations in double precision."""
    config: Config = run.config
    side = min(config.study_size, 128)
    wanted = sample(config.pebbles, side)
    image = sample(config.sources[1], side)
    weights = dict.fromkeys(config.layers, config.weight)
    model = run.model(config.model)
    with torch.no_grad():
        ours = float(style_loss(model, wanted.to(run.device), weights)(model, image.to(run.device)))
    theirs = literal.texture_loss(model, image, wanted, weights)
    return Measurement(abs(ours - theirs) / theirs, f"ours {ours:.6e}, theirs {theirs:.6e}")


@PAPER.claim("mean-activation-is-one", source="Sec. 2", unit="", at_most=0.01)
def mean_activation_is_one(run: Run) -> Measurement | None:
    """Normalised, every channel's mean activation over photographs is one: the largest difference from it."""
    if not run.config.means:
        return None
    found = normalization(run)
    means = torch.cat([mean for name, mean in found.items() if name.startswith("seen")])
    others = torch.cat([mean for name, mean in found.items() if name.startswith("unseen")])
    alive = means > 0  # one channel of conv4_1 never is
    low, high = others[alive].quantile(torch.tensor([0.05, 0.95], dtype=others.dtype)).tolist()
    note = f"{int((~alive).sum())} of {len(means)} channels are dead; on other photographs 90 % of the means lie "
    return Measurement(float((means[alive] - 1).abs().max()), note + f"between {low:.2f} and {high:.2f}")


@PAPER.claim("more-layers-larger-structures", source="Sec. 4.1, Fig. 2", unit="times", at_most=0.8, tolerance=0.1)
def more_layers_larger_structures(run: Run) -> Measurement:
    """Matching more layers makes larger structures: the mean spatial frequency falls."""
    found = {title: float(mean_frequency(image)) for title, image in textures(run, layer_sets(run.config)).items()}
    first, *_, last = found.values()
    wanted = float(mean_frequency(sample(run.config.pebbles, run.config.study_size)))
    told = ", ".join(f"{title}: {value:.3f}" for title, value in found.items())
    return Measurement(last / first, f"in cycles per pixel, {told}; the photograph: {wanted:.3f}")


@PAPER.claim("unmatched-layers-differ", source="Sec. 4.1, Fig. 2", unit="times", at_least=5)
def unmatched_layers_differ(run: Run) -> Measurement:
    """A texture that matches the lowest layer alone is no match higher up: the distance at the highest layer."""
    distances = {title: layer_distances(run, image) for title, image in textures(run, layer_sets(run.config)).items()}
    top = run.config.layers[-1]
    first, *_, last = (found[top] for found in distances.values())
    return Measurement(first / last, f"{first:.3f} against {last:.3f} where it is matched, too")


@PAPER.claim("matched-layers-agree", source="Sec. 3.1", unit="relative distance", at_most=0.05, tolerance=0.05)
def matched_layers_agree(run: Run) -> Measurement:
    """After the synthesis at full size the Gram matrices of all layers are the photograph's: the largest distance."""
    config = run.config
    image = made(run, Way(config.model, config.layers), config.pebbles, main=True).images
    found = layer_distances(run, image)
    return Measurement(max(found.values()), ", ".join(f"{name}: {value:.3f}" for name, value in found.items()))


@PAPER.claim("fewer-parameters-worse", source="Sec. 4.1, Fig. 3A", unit="times", at_least=1.1, tolerance=0.1)
def fewer_parameters_worse(run: Run) -> Measurement:
    """Fewer correlations make worse textures, as another network judges: fewest against as many as the paper uses."""
    ways = parameter_counts(run.config)
    found = {title: judged(run, image, run.config.pebbles) for title, image in textures(run, ways).items()}
    told = ", ".join(f"{title}: {value:.3f}" for title, value in found.items())
    steps = sum(one > other for one, other in pairwise(found.values()))
    note = f"{told}; {steps} of {len(found) - 1} steps to more correlations are steps to better textures"
    return Measurement(next(iter(found.values())) / found["All channels"], note)


@PAPER.claim("random-weights-fail", source="Sec. 4.2, Fig. 3C", unit="times", at_least=1.1, tolerance=0.1)
def random_weights_fail(run: Run) -> Measurement:
    """A network with random weights makes worse textures, as another network judges."""
    found = {
        title: judged(run, image, run.config.pebbles) for title, image in textures(run, networks(run.config)).items()
    }
    told = ", ".join(f"{title}: {value:.3f}" for title, value in found.items())
    return Measurement(found["Random weights"] / found["Trained"], told)


@PAPER.claim("another-network-fails", source="Sec. 4.2, Fig. 3B", unit="times", at_least=1.1, tolerance=0.1)
def another_network_fails(run: Run) -> Measurement:
    """A network with strides and large filters makes worse textures, as another network judges: the best of its layers.

    The paper shows CaffeNet; SqueezeNet has filters of 3 pixels, but a stride in its first layer and overlapping pools.
    """
    found = {
        title: judged(run, image, run.config.pebbles) for title, image in textures(run, networks(run.config)).items()
    }
    others = {title: value for title, value in found.items() if title.startswith(run.config.other)}
    title = min(others, key=others.__getitem__)
    return Measurement(others[title] / found["Trained"], f"best of the other network: {title}")


@PAPER.claim(
    "arrangement-is-ignored", source="Sec. 4.1, Fig. 2, last column", unit="times", at_least=0.75, tolerance=0.15
)
def arrangement_is_ignored(run: Run) -> Measurement:
    """A texture of an object keeps its parts and not their arrangement: place by place it is as far as a stranger.

    The relative error of the highest layer's activations, over that of two unrelated photographs.
    """
    config = run.config
    source, top = config.sources[-1], config.layers[-1]
    image = made(run, Way(config.model, config.layers), source).images
    error, stranger = position_error(run, source, image, top), unrelated_error(run, top)
    return Measurement(error / stranger, f"{error:.2f} against {stranger:.2f} for two unrelated photographs")


@PAPER.claim("objects-rise-with-depth", source="Sec. 4.3, Fig. 4", unit="percentage points", at_least=20, tolerance=10)
def objects_rise_with_depth(run: Run) -> Measurement:
    """Gram matrices tell objects ever better towards the deeper layers: the highest layer against the lowest."""
    found = accuracies(run)["gram"]
    first, *_, last = found.values()
    return Measurement(last - first, ", ".join(f"{name}: {value:.1f} %" for name, value in found.items()))


@PAPER.claim("gram-approaches-network", source="Sec. 4.3, Fig. 4", unit="percentage points", at_most=5, tolerance=5)
def gram_approaches_network(run: Run) -> Measurement:
    """At the highest layer little is lost without places: activations with their places are hardly better."""
    found = accuracies(run)
    top = run.config.probe_layers[-1]
    gram, places = found["gram"][top], found["positions"][top]
    return Measurement(places - gram, f"Gram matrices {gram:.1f} %, activations with their places {places:.1f} %")


@PAPER.claim("lbfgs-beats-adam", source="Sec. 3.1", unit="times", at_least=1.2, tolerance=0.2)
def lbfgs_beats_adam(run: Run) -> Measurement:
    """L-BFGS reaches a smaller loss than Adam in as many steps."""
    found = {label: float(one.loss[0]) for label, one in descents(run).items()}
    return Measurement(
        found["Adam"] / found["L-BFGS"], ", ".join(f"{label}: {loss:.3g}" for label, loss in found.items())
    )


PAPER.unmeasured(
    "imagenet-classification",
    source="Sec. 4.3, Fig. 4",
    statement="A linear classifier on the Gram matrices of pool5 comes near VGG-19's top-1 error on ImageNet.",
    reason="a linear classifier of 1000 classes needs the whole of ImageNet; ten classes are measured above",
)
