"""Photographs under attack: what becomes of one, of many, and what it takes."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from innerview.adversarial import (
    AccuracyCurve,
    Attack,
    AwayFrom,
    Course,
    Search,
    Towards,
    Transfer,
    accuracy_curve,
    attack_named,
    deepfool,
    distances,
    fgsm,
    fooled,
    iterative,
    perturbed,
    pgd,
    to_levels,
    transfer,
    universal_perturbation,
)
from innerview.core.folders import spread
from innerview.core.seeds import generator
from innerview.core.types import Images, Values
from innerview.models import LOGITS, evaluate
from innerview.models.normalization import Normalize
from innerview.replicate import Run
from replication.methods.adversarial_examples.photographs import Photographs, photograph, photographs

BATCH = 8

KINDS = {"linf": ("fgsm", "iterative", "pgd"), "l2": ("fgsm", "pgd")}
"""Norm -> attacks whose accuracy is drawn."""

SEARCH = Search(wanted=0.95)
"""Of the universal perturbation: the paper's ball, filled a little longer."""


def chances(model: nn.Module, images: Images) -> Tensor:
    """Return the probabilities of all classes, on the processor."""
    return evaluate(model, images, LOGITS, BATCH)[LOGITS].softmax(1).cpu()


def one_photograph(run: Run) -> dict[str, Images]:
    """Return a photograph and what each attack makes of it; the last is led to a chosen class."""
    config = run.config

    def compute() -> dict[str, Tensor]:
        model, image = run.model(config.model), photograph(run, config.shown).images.to(run.device)
        reach, length, goal = config.shown_levels / 255, config.shown_length, AwayFrom()
        steps, wide = config.shown_steps, Attack(config.led_levels / 255, config.shown_steps, 1 / 255, None)
        made = {
            "FGSM": fgsm(model, image, goal, epsilon=reach),
            "Iterative": iterative(model, image, goal, epsilon=reach, steps=steps),
            "PGD": attack_named("pgd", "linf", steps, run.seed)(model, image, goal, reach),
            "PGD, L2": attack_named("pgd", "l2", steps, run.seed)(model, image, goal, length),
            "DeepFool": deepfool(model, image),
            "targeted": pgd(model, image, Towards(config.led_to), wide),
        }
        return {"Photograph": image} | {name: attacked.images for name, attacked in made.items()}

    asked = config.model, config.size, config.shown, config.shown_levels, config.shown_length, config.shown_steps
    return run.part("one-photograph", compute, *asked, config.led_to, config.led_levels)


def curve(run: Run, norm: str) -> dict[str, AccuracyCurve]:
    """Return the accuracy against epsilon, 0 first: attack -> its curve alone; epsilon in levels under ``linf``."""
    config, found = run.config, photographs(run, run.config.attacked)
    unit = 255 if norm == "linf" else 1
    many = config.fine_levels if norm == "linf" else config.lengths
    sizes = {name: config.levels if (name, norm) == ("fgsm", "linf") else many for name in KINDS[norm]}

    def compute() -> dict[str, Tensor]:
        model, images, labels = run.model(config.model), found.images.to(run.device), found.labels.to(run.device)
        clean = chances(model, images)
        start = (float((clean.argmax(1) == found.labels).double().mean()), float(clean.amax(1).double().mean()))
        kept = {}
        for name, epsilons in sizes.items():
            attacks = {name: attack_named(name, norm, None if name == "fgsm" else config.steps, run.seed)}
            scaled = [epsilon / unit for epsilon in epsilons]
            one = accuracy_curve(model, images, labels, attacks, scaled, batch=BATCH)
            measured = [start, *zip(one.accuracy[name], one.confidence[name], strict=True)]
            kept[name] = torch.tensor(measured, dtype=torch.float64)
        return kept

    kept = run.part(f"curve-{norm}", compute, config.model, config.size, found.names, config.steps, sizes)
    return {
        name: AccuracyCurve((0.0, *sizes[name]), *({name: tuple(column)} for column in kept[name].T.tolist()))
        for name in sizes
    }


def pushed(run: Run) -> dict[str, Tensor]:
    """Lead photographs to another class by DeepFool.

    Returns:
        ``norms``; ``ratios`` to the photograph's own norm, less the mean that the network takes off; ``plain``, the
        same without that; ``largest`` change in levels; ``steps``; ``success``; ``undone`` by rounding to 8 bits.
    """
    config, found = run.config, photographs(run, run.config.pushed)

    def compute() -> dict[str, Tensor]:
        model, images = run.model(config.model), found.images.to(run.device)
        made = deepfool(model, images)
        rounded = to_levels(images, made.images, 1.0)
        return {
            "norms": made.norms,
            "ratios": made.norms / _length(images - mean_of(model).to(images)),
            "plain": made.norms / _length(images),
            "largest": 255 * distances(images, made.images),
            "steps": made.steps.cpu(),
            "success": made.success.cpu(),
            "undone": (chances(model, rounded).argmax(1) == made.before.cpu()),
        }

    return run.part("deepfool", compute, config.model, config.size, found.names)


def mean_of(model: nn.Module) -> Tensor:
    """Return the mean that a network takes off its images, ``(3, 1, 1)``."""
    return next(module.mean for module in model.modules() if isinstance(module, Normalize)).reshape(-1, 1, 1)


def _length(images: Tensor) -> Values:
    return images.flatten(1).double().norm(dim=1).cpu()


def universal(run: Run) -> dict[str, Tensor]:
    """Make a universal perturbation with some photographs and try it on others, beside noise of the same size.

    Returns:
        ``perturbation``; ``rates`` after each epoch; ``fooled`` and ``noise``, whether each unseen photograph is taken
        for another class with it, and with random signs of its Euclidean length.
    """
    config = run.config
    found, seen, unseen = _split(run)

    def compute() -> dict[str, Tensor]:
        model = run.model(config.model)
        course = Course(config.candidates, config.overshoot, steps=10)
        made = universal_perturbation(model, seen, replace(SEARCH, epochs=config.epochs, course=course, seed=run.seed))
        signs = torch.randn(seen[:1].shape, generator=generator("signs", run.seed)).sign()
        noise = made.perturbation.norm() * signs.to(seen) / signs.norm()
        return {
            "perturbation": made.perturbation,
            "rates": torch.tensor(made.rates),
            "fooled": fooled(model, unseen, made.perturbation, batch=BATCH).cpu(),
            "noise": fooled(model, unseen, noise, batch=BATCH).cpu(),
        }

    asked = config.model, config.size, found.names, config.universal, config.epochs, config.candidates
    asked = *asked, config.overshoot
    return run.part("universal", compute, *asked)


def _split(run: Run) -> tuple[Photographs, Images, Images]:
    """Return photographs, those that the perturbation is made with, and the others; both spread over all classes."""
    config = run.config
    found = photographs(run, config.universal + config.unseen)
    images, places = found.images.to(run.device), list(range(len(found.images)))
    chosen = spread(places, config.universal)
    return found, images[chosen], images[sorted(set(places) - set(chosen))]


def universal_examples(run: Run, count: int) -> tuple[Images, Images]:
    """Return unseen photographs that the universal perturbation fools, spread over all of them, without and with it."""
    found, (_, _, unseen) = universal(run), _split(run)
    places = spread(found["fooled"].nonzero().flatten().tolist(), count) if found["fooled"].any() else []
    return unseen[places], perturbed(unseen, found["perturbation"])[places]


def carried(run: Run) -> dict[str, Transfer]:
    """Show each network what was made on each: attack -> error rates; the last are noise, made on none."""
    config, found = run.config, photographs(run, run.config.carried)
    names = list(dict.fromkeys([config.model, *config.others]))  # one alone, where the embedded model stands in
    attacks = {"fgsm": attack_named("fgsm"), "iterative": attack_named("iterative", steps=config.carried_steps)}

    def compute() -> dict[str, Tensor]:
        images, labels = found.images.to(run.device), found.labels.to(run.device)
        models, reach, kept = {name: run.model(name) for name in names}, config.carried_levels / 255, {}
        for name, perturb in attacks.items():
            made = transfer(models, images, labels, perturb, reach, batch=BATCH)
            kept |= {name: made.errors, "counts": made.counts}
        noise = [torch.randn(1, *images.shape[1:], generator=generator("signs", place)) for place in range(len(images))]
        noisy = torch.cat(
            [perturbed(one, reach * sign.sign()) for one, sign in zip(images.split(1), noise, strict=True)]
        )
        kept["noise"] = torch.stack([_errors(model, images, noisy, found.labels) for model in models.values()])[None]
        return kept

    asked = names, config.size, found.names, config.carried_levels, config.carried_steps
    kept = run.part("transfer", compute, *asked)
    return {name: Transfer(tuple(names), kept[name], kept["counts"]) for name in (*attacks, "noise")}


def _errors(model: nn.Module, images: Images, changed: Images, labels: Tensor) -> Tensor:
    """Return the share of the images that a network had right and has wrong now."""
    right, still = (chances(model, some).argmax(1) == labels for some in (images, changed))
    return (right & ~still).sum() / right.sum()
