"""The enemies of feature visualization: what regularization, transforms and preconditioning do to high frequencies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from innerview.core.seeds import generator
from innerview.core.spectrum import high_frequency_share
from innerview.core.types import Images
from innerview.optimize import (
    L2,
    Decorrelated,
    Fourier,
    Jitter,
    LInf,
    Objective,
    Parameterization,
    Pixels,
    RawPixels,
    Recipe,
    Rotate,
    Scale,
    Smoothed,
    Transform,
    bilateral,
    blur,
    channel,
    l1,
    side_by_side,
    total_variation,
)
from innerview.replicate import Run
from replication.olah2017_feature_visualization.config import Config
from replication.olah2017_feature_visualization.visuals import made, recipe

JITTER = Jitter(1)
ROTATE = Rotate(tuple(range(-5, 6)))
SCALE = Scale(tuple(1.1 ** (n / 10) for n in range(-10, 11)))


@dataclass(frozen=True)
class Regularization:
    """What is subtracted from the objective, by name and weight, and what the network sees instead of the image."""

    penalties: tuple[tuple[str, float], ...] = ()
    transforms: tuple[Transform, ...] = ()


def regularizations(config: Config) -> Mapping[str, Regularization]:
    """Row title -> regularization: the article's table."""
    penalties = tuple(zip(PENALTIES, config.penalties, strict=True))
    alone = {title: Regularization((penalty,)) for title, penalty in zip(PENALTIES, penalties, strict=True)}
    return {
        "None": Regularization(),
        **alone,
        "Jitter": Regularization((), (JITTER,)),
        "Rotate": Regularization((), (ROTATE,)),
        "Scale": Regularization((), (SCALE,)),
        "All": Regularization(penalties, (JITTER, ROTATE, SCALE)),
    }


PENALTIES: Mapping[str, Objective] = {
    "L1": l1(0.5),
    "Total variation": total_variation(),
    "Blur": blur(),
    "Bilateral": bilateral(),
}


def regularized(run: Run) -> dict[str, dict[int, Images]]:
    """Return row title -> steps -> image; rows without transforms are one batch."""
    rows = regularizations(run.config)
    still = [title for title, row in rows.items() if not row.transforms]
    found = dict(zip(still, _rows(run, "regularized", [rows[title] for title in still], ()), strict=True))
    for title, row in rows.items():
        if row.transforms:
            (found[title],) = _rows(run, f"regularized-{title.lower()}", [row], row.transforms)
    return {title: found[title] for title in rows}


def _rows(
    run: Run, name: str, rows: Sequence[Regularization], transforms: tuple[Transform, ...]
) -> list[dict[int, Images]]:
    config, unit = run.config, channel(*run.config.regularized)
    wanted = [unit - sum(weight * PENALTIES[name] for name, weight in row.penalties) for row in rows]
    stages = config.regularized_stages
    how = Recipe(
        steps=stages[-1], learning_rate=config.learning_rate, parameterization=PLAIN_PIXELS, transforms=transforms
    )
    part = made(run, name, side_by_side(wanted), how, size=config.regularized_size, stages=stages)
    return [{step: part[f"after {step}"][row : row + 1] for step in stages} for row in range(len(rows))]


PLAIN_PIXELS = Pixels(decorrelated=False)


def ways(config: Config) -> Mapping[str, Recipe]:
    """Title -> recipe: the same unit with and without what the article recommends."""
    full = recipe(config)
    bare = replace(full, transforms=())
    return {
        "Nothing": replace(bare, parameterization=PLAIN_PIXELS),
        "Decorrelated": replace(bare, parameterization=Fourier()),
        "Transforms": replace(full, parameterization=PLAIN_PIXELS),
        "Both": full,
    }


def enemies(run: Run) -> dict[str, Images]:
    """Return the picture of one unit made in each of these ways."""
    return {title: part["images"] for title, part in _way_parts(run).items()}


def _way_parts(run: Run) -> dict[str, dict[str, Tensor]]:
    unit = channel(*run.config.plain)
    return {title: made(run, f"way-{title.lower()}", unit, how) for title, how in ways(run.config).items()}


def kept(model: nn.Module, images: Images, objective: Objective) -> float:
    """Return which share of an objective small shifts, turns and scalings of the images leave, on average."""
    with torch.no_grad():
        whole = objective(model, images).clamp(min=1e-6)
        moved = [objective(model, other) for other in _moved(images)]
    return float((torch.stack(moved) / whole).clamp(min=0).mean())


def _moved(images: Images) -> list[Tensor]:
    """Return images shifted by 4 and 8 pixels, turned by 5 degrees and scaled by a twentieth."""
    draws = torch.Generator()
    shifts = [(-8, 0), (8, 0), (0, -4), (0, 4), (4, 4), (-4, -4)]
    turned = [Rotate((angle,))(images, draws) for angle in (-5, 5)]
    scaled = [Scale((factor,))(images, draws) for factor in (0.95, 1.05)]
    return [images.roll(shift, (-2, -1)) for shift in shifts] + turned + scaled


def metrics(config: Config) -> Mapping[str, Recipe]:
    """Title -> steepest ascent under one metric, each with steps that change a pixel about equally at first."""
    plain = Recipe(steps=config.metric_steps, parameterization=RawPixels(), transforms=config.transforms)
    return {
        "L2": replace(plain, metric=L2(), learning_rate=config.rates[0]),
        "L∞": replace(plain, metric=LInf(), learning_rate=config.rates[1]),
        "Blurred gradient": replace(plain, metric=Smoothed(), learning_rate=config.rates[2]),
        "Decorrelated": replace(plain, metric=Decorrelated(), learning_rate=config.rates[3]),
    }


def steepest(run: Run) -> dict[str, Images]:
    """Return the picture of one unit by steepest ascent under each metric."""
    unit = channel(*run.config.plain)
    return {title: made(run, f"metric-{title}", unit, how)["images"] for title, how in metrics(run.config).items()}


def spaces() -> Mapping[str, Parameterization]:
    """Title -> parameterization of the comparison of convergence."""
    return {
        "Pixels": PLAIN_PIXELS,
        "Pixels, decorrelated colours": Pixels(),
        "Fourier, decorrelated colours": Fourier(),
    }


def convergence(run: Run) -> dict[str, dict[str, Tensor]]:
    """Return for each parameterization the pictures of some units and the history of their objectives."""
    config = run.config
    (layer,) = {unit.layer for unit in config.conditioned}
    wanted = channel(layer, [unit.channel for unit in config.conditioned])
    how = replace(recipe(config), steps=config.conditioned_steps)
    stages = [step for step in (1, 8, 32, 128, 512, 2048) if step <= config.conditioned_steps]
    return {
        title: made(run, f"space-{number}", wanted, replace(how, parameterization=space), stages=stages)
        for number, (title, space) in enumerate(spaces().items())
    }


def steps_needed(history: Tensor, level: Tensor, width: int = 16) -> Tensor:
    """Return the first step at which the running mean of each history ``(steps, b)`` reaches a level ``(b,)``."""
    mean = history.unfold(0, min(width, len(history)), 1).mean(-1)
    reached = mean >= level
    first = reached.float().argmax(0)
    return torch.where(reached.any(0), first, torch.full_like(first, len(mean)))


def high_shares(pictures: Mapping[str, Images]) -> dict[str, float]:
    """Return each picture's share of energy above a quarter of a cycle per pixel."""
    return {title: float(high_frequency_share(images).mean()) for title, images in pictures.items()}


def robustness(run: Run) -> dict[str, float]:
    """Return what small movements leave of the activation, for each way of making one unit's picture."""
    model, unit = run.model(run.config.model), channel(*run.config.plain)
    return {title: kept(model, images.to(run.device), unit) for title, images in enemies(run).items()}


def blur_against_fourier(seed: int, size: int = 32) -> float:
    r"""Return how far the blur penalty's gradient is, relatively, from that of $\frac{1}{2} \sum_f (1 - k_f) |X_f|^2$.

    The weight of each frequency comes from a blurred impulse: $k$ is its spectrum.
    """
    image = torch.rand((1, 3, size, size), generator=generator("blur", seed), dtype=torch.float64).requires_grad_()
    (gradient,) = torch.autograd.grad(blur()(nn.Identity(), image).sum(), image)
    impulse = torch.zeros((1, 3, size, size), dtype=torch.float64)
    impulse[..., 0, 0] = 1
    leaf = impulse.clone().requires_grad_()
    (difference,) = torch.autograd.grad(blur()(nn.Identity(), leaf).sum(), leaf)  # the impulse less its blur
    weights = torch.fft.fft2(difference).real
    penalty = (weights * torch.fft.fft2(image).abs().square()).sum() / (2 * size * size)
    (expected,) = torch.autograd.grad(penalty, image)
    return float((gradient - expected).norm() / expected.norm())
