"""Presets and claims of the style replication {cite}`gatys2016style`, and of what made it fast.

The paper gives no numbers but its settings: every claim here is a sentence or a figure of it with a threshold of ours.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch

from innerview.core.images import center_crop
from innerview.core.spectrum import high_frequency_share, mean_frequency
from innerview.models.normalization import luminance
from innerview.replicate import Measurement, Paper, Run
from innerview.replicate.photos import photo
from innerview.synthesis import content_loss, style_loss
from innerview.synthesis.losses import layer_weights
from replication.gatys2015_texture import literal
from replication.gatys2016_style import networks
from replication.gatys2016_style.config import (
    BOOK,
    PAPER_CONFIG,
    RELEASED,
    SMOKE,
    Config,
    Transfer,
    color_variants,
    content_variants,
    embedded,
    grid_style,
    grid_variants,
    mixed_variants,
    reading_variants,
    start_variants,
    style_variants,
)
from replication.gatys2016_style.transfers import (
    content_reconstructions,
    distances,
    inversions,
    made,
    mixtures,
    painting,
    picture,
    picture_like,
    plan,
    race,
    style_reconstructions,
    trained,
    transferred,
)


def needs(config: Config) -> list[str]:
    """Return the assets of a configuration."""
    if config.model == "efficientnet_lite0":
        return []
    photographs = [style.photo.partition("/")[0] for style in config.styles]
    return list(dict.fromkeys(["vgg19_uint8", "vgg19_float32_early", *photographs, "style_inputs", "texture_pebbles"]))


PAPER = Paper(
    citation="gatys2016style",
    title="Image Style Transfer Using Convolutional Neural Networks",
    presets={"smoke": SMOKE, "book": BOOK, "paper": PAPER_CONFIG, "released": RELEASED},
    embedded=embedded,
    needs=needs,
)

PAPER.sweep("styles", style_variants, transferred)
PAPER.sweep("grid", grid_variants, transferred)
PAPER.sweep("content-layers", content_variants, transferred)
PAPER.sweep("starts", start_variants, transferred)
PAPER.sweep("colors", color_variants, transferred)
PAPER.sweep("mixed", mixed_variants, transferred)
PAPER.sweep("readings", reading_variants, transferred)


def _told(found: Mapping[str, float], digits: int = 3) -> str:
    return ", ".join(f"{title}: {value:.{digits}g}" for title, value in found.items())


@PAPER.claim("loss-is-the-papers", source="Eqs. 1 to 7", unit="relative difference", at_most=1e-5)
def loss_is_the_papers(run: Run) -> Measurement:
    """The total loss is that of an independent implementation of the equations in double precision."""
    config: Config = run.config
    side, style = min(config.study_size, 128), grid_style(config)
    image, content = (center_crop(picture(name, side), side) for name in (config.styles[0].photo, config.photo))
    starry = center_crop(picture(style.photo, side), side)
    weights = {layer: 1 / len(config.style_layers) for layer in config.style_layers}
    model, layer, alpha = run.model(config.model), config.content_layers[0], style.ratio
    with torch.no_grad():
        loss = alpha * content_loss(model, content.to(run.device), (layer,), "sum")
        loss += style_loss(model, starry.to(run.device), weights)
        ours = float(loss(model, image.to(run.device)))
    theirs = literal.style_loss(model, literal.Pictures(image, content, starry), weights, layer, alpha=alpha, beta=1.0)
    return Measurement(abs(ours - theirs) / theirs, f"ours {ours:.6e}, theirs {theirs:.6e}")


@PAPER.claim("trade-off-is-monotone", source="Sec. 3.1, Fig. 3", unit="% of steps", at_least=100, tolerance=10)
def trade_off_is_monotone(run: Run) -> Measurement:
    """The larger alpha/beta, the nearer the content and the farther the style: steps in rows of the grid."""
    config: Config = run.config
    pairs = [_own_distances(run, one) for one in grid_variants(config).values()]
    count = len(config.ratios)
    rows = [pairs[start : start + count] for start in range(0, len(pairs), count)]
    steps = [(one, two) for row in rows for one, two in pairwise(row)]
    right = sum(two[0] < one[0] and two[1] > one[1] for one, two in steps)
    last = ", ".join(f"{ratio:g}: {content:.2f} and {style:.2f}"
                     for ratio, (content, style) in zip(config.ratios, rows[-1], strict=True))  # fmt: skip
    return Measurement(100 * right / len(steps), f"with all layers, from content and style, {last}")


@PAPER.claim("units-as-printed", source="Eqs. 1, 4 and 7, Fig. 2", unit="times", at_most=1.5, tolerance=1.0)
def units_as_printed(run: Run) -> Measurement:
    """Read as printed, the caption's alpha/beta gives the figure: as near to the style as in calibrated units."""
    found = {title: distances(run, one) for title, one in reading_variants(run.config).items()}
    calibrated, _, printed = found.values()
    note = "from content and style, " + "; ".join(
        f"{title}: {content:.2f} and {style:.2f}" for title, (content, style) in found.items()
    )
    return Measurement(printed[1] / calibrated[1], note)


@PAPER.claim("high-layers-free-pixels", source="Sec. 2.1, Fig. 1", unit="times", at_least=2, tolerance=0.5)
def high_layers_free_pixels(run: Run) -> Measurement:
    """Reconstructed from high layers the content loses its pixels: the highest layer's error over the lowest's."""
    content = picture(run.config.photo, run.config.study_size)
    found = {layer: _pixel_error(one.images, content) for layer, one in content_reconstructions(run).items()}
    first, *_, last = found.values()
    return Measurement(last / first, f"root mean square in [0, 1], {_told(found)}")


@PAPER.claim("more-layers-larger-structures", source="Sec. 2.2, Fig. 1", unit="times", at_most=0.9, tolerance=0.05)
def more_layers_larger_structures(run: Run) -> Measurement:
    """Style from more layers has larger structures: the mean spatial frequency falls."""
    found = {title: float(mean_frequency(image)) for title, image in style_reconstructions(run).items()}
    first, *_, last = found.values()
    return Measurement(last / first, f"in cycles per pixel, {_told(found)}")


@PAPER.claim("low-content-keeps-pixels", source="Sec. 3.2, Fig. 5", unit="times", at_least=1.1, tolerance=0.1)
def low_content_keeps_pixels(run: Run) -> Measurement:
    """Content compared at a low layer keeps the photograph's pixels; at a high one they follow the style."""
    content = picture(run.config.photo, run.config.study_size)
    found = {
        layer: _pixel_error(image, content) for layer, image in transferred(run, content_variants(run.config)).items()
    }
    low, high = found.values()
    return Measurement(high / low, f"root mean square in [0, 1], {_told(found)}")


@PAPER.claim("starts-agree", source="Sec. 3.3, Fig. 6", unit="times", at_most=1.25, tolerance=0.25)
def starts_agree(run: Run) -> Measurement:
    """The start changes the result little: the largest loss over the smallest, after equally many steps."""
    found = {title: float(made(run, one).loss[0]) for title, one in start_variants(run.config).items()}
    return Measurement(max(found.values()) / min(found.values()), _told(found))


@PAPER.claim("noise-makes-new-pictures", source="Sec. 3.3, Fig. 6", unit="levels of 255", at_least=5, tolerance=2)
def noise_makes_new_pictures(run: Run) -> float:
    """From noise any number of pictures can be made: two of them differ, as their mean absolute difference says."""
    *_, one, other = transferred(run, start_variants(run.config)).values()
    return 255 * float((one - other).abs().mean())


@PAPER.claim("color-is-kept", source="Gatys et al. 2016, Sec. 3", unit="times", at_most=0.2, tolerance=0.1)
def color_is_kept(run: Run) -> Measurement:
    """Transferring luminance alone keeps the photograph's colours: their change over that of the usual transfer."""
    content = picture(run.config.photo, run.config.study_size)
    found = {
        title: float(_chroma(image - content).square().mean().sqrt())
        for title, image in transferred(run, color_variants(run.config)).items()
    }
    usual, _, kept = found.values()
    return Measurement(kept / usual, _told(found))


@PAPER.claim("priors-make-natural", source="Mahendran and Vedaldi, Sec. 2", unit="times", at_most=0.5, tolerance=0.2)
def priors_make_natural(run: Run) -> Measurement:
    """Priors keep noise out of what is reconstructed from a layer: its share of high spatial frequencies."""
    plain, natural = content_reconstructions(run), inversions(run)
    found = {
        "without": _mean([float(high_frequency_share(one.images)) for one in list(plain.values())[-2:]]),
        "with": _mean([float(high_frequency_share(one.images)) for one in list(natural.values())[-2:]]),
    }
    return Measurement(found["with"] / found["without"], f"two highest layers, {_told(found)}")


@PAPER.claim("one-pass-is-many-steps", source="Johnson et al. 2016, Sec. 4.1", unit="steps", at_least=20, tolerance=10)
def one_pass_is_many_steps(run: Run) -> Measurement:
    """One pass of a trained network reaches the loss of so many steps of the descent, on a photograph new to it.

    The paper's networks, trained for 40,000 steps at 256 pixels, reach that of 50 to 100.
    """
    found = race(run)
    note = f"loss of the network {found['network']:.3g}, of the whole descent {found['descent']:.3g}"
    steps = found["step"] if found["step"] < float("inf") else run.config.study_steps
    return Measurement(steps, note if found["step"] < float("inf") else f"{note}: the descent never gets there")


@PAPER.claim("one-pass-is-fast", source="Johnson et al. 2016, Table 1", unit="times", at_least=200, tolerance=50)
def one_pass_is_fast(run: Run) -> float:
    """One pass of a trained network is faster than 300 steps of the descent at the same size."""
    return race(run)["ratio"]


@PAPER.claim("instance-beats-batch", source="Ulyanov et al. 2016, Sec. 3", unit="times", at_least=1.0, tolerance=0.02)
def instance_beats_batch(_run: Run) -> Measurement:
    """Instance normalization beats batch normalization after equally many steps, by the loss on new photographs."""
    told = networks.numbers()
    found = {name: _total(told[name]["held out"]) for name in ("batch", "instance")}
    steps = told["batch"]["recipe"]["steps"]
    return Measurement(found["batch"] / found["instance"], f"after {steps} steps, {_told(found)}; committed numbers")


@PAPER.claim("styles-mix", source="Dumoulin et al. 2017, Sec. 3.3", unit="% of steps", at_least=100, tolerance=25)
def styles_mix(run: Run) -> Measurement:
    """Mixing the parameters of two styles mixes the styles: nearer to one and farther from the other at each step."""
    model, names = run.model(run.config.loss_model), trained("four_styles").architecture.styles[:2]
    found = []
    for name in names:
        loss = style_loss(model, painting(run, name), plan(run).style_layers)
        with torch.no_grad():
            found.append([float(loss(model, image.to(run.device))) for image in mixtures(run).values()])
    steps = [*(two > one for one, two in pairwise(found[0])), *(two < one for one, two in pairwise(found[1]))]
    ends = "; ".join(f"{values[0]:.3g} to {values[-1]:.3g}" for values in found)
    return Measurement(100 * sum(steps) / len(steps), f"distance from {', then from '.join(names)}: {ends}")


def _own_distances(run: Run, one: Transfer) -> tuple[float, float]:
    """Return how far a picture is from its content, and from its style by the layers and weights it was made with."""
    model, image = run.model(run.config.model), made(run, one).images.to(run.device)
    content = picture(run.config.photo, one.size).to(run.device)
    style = picture_like(photo(one.styles[0]).to(run.device), content, one.recipe.style_scale)
    given = layer_weights(one.recipe.style)
    weights = {layer: weight / max(given.values()) for layer, weight in given.items()}
    with torch.no_grad():
        from_style = style_loss(model, style, weights)(model, image)
    return distances(run, one)[0], float(from_style)


def _pixel_error(image: torch.Tensor, content: torch.Tensor) -> float:
    return float((image - content).square().mean().sqrt())


def _chroma(images: torch.Tensor) -> torch.Tensor:
    return images - luminance(images)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _total(held_out: Mapping[str, Mapping[str, float]]) -> float:
    """Return the mean loss over styles, all its parts together."""
    return _mean([sum(parts.values()) for parts in held_out.values()])
