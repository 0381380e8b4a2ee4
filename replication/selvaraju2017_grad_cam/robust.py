"""Maps under attack, and maps of what speaks against a class."""

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

from innerview.adversarial import Attack, AwayFrom, Towards, pgd
from innerview.core.types import Images, Masks
from innerview.evaluation import box_masks, pointing_hits
from innerview.replicate import Run
from replication.selvaraju2017_grad_cam import objects
from replication.selvaraju2017_grad_cam.explaining import BATCH, batches, heatmaps, logits_of, names_of, random_maps
from replication.selvaraju2017_grad_cam.photographs import Photo, Scenes, boxed, read, scenes

WAYS: Final = ("Grad-CAM", "counterfactual", "random")
"""By what parts of an image are covered."""


def attacked(run: Run, goal: str) -> dict[str, Tensor]:
    """Attack photographs that are classified right, and explain their true class before and after.

    Args:
        run: The run.
        goal: ``towards`` a class that is not there, as the paper did, or ``away`` from the true one.

    Returns:
        ``before``, ``after``: whether the map's maximum lies on the object. ``fooled``: whether the class changed.
        ``predicted``, ``probability``: what the network sees after the attack. ``true_probability``: what is left.
    """
    config, photos = run.config, boxed(run, run.config.attacked)

    def compute() -> dict[str, Tensor]:
        parts = [_attacked(run, some, goal) for some in batches(photos)]
        return {key: torch.cat([part[key] for part in parts]) for key in parts[0]}

    asked = config.model, config.layer, config.size, config.epsilon, config.attack_steps, config.wrong
    return run.part(f"attacked-{goal}", compute, *asked, names_of(photos))


def _attacked(run: Run, photos: Sequence[Photo], goal: str) -> dict[str, Tensor]:
    model, images = run.model(run.config.model), read(run, photos)
    labels = torch.tensor([one.label for one in photos])
    noisy = attack(run, images, labels, goal)
    before, after = logits_of(model, images).cpu(), logits_of(model, noisy).cpu()
    found = {
        name: heatmaps(model, "grad_cam", some, labels, run.config.layer).cpu()
        for name, some in (("before", images), ("after", noisy))
    }
    square = (run.config.size, run.config.size)
    masks = torch.stack([box_masks(one.boxes, square) for one in photos])
    right = before.argmax(1) == labels
    chances = after.softmax(1)
    return {
        **{name: pointing_hits(maps, masks, 0) for name, maps in found.items()},
        "right": right,
        "fooled": right & (after.argmax(1) != labels),
        "predicted": after.argmax(1),
        "probability": chances.amax(1),
        "true_probability": chances.gather(1, labels[:, None])[:, 0],
    }


def attack(run: Run, images: Images, labels: Tensor, goal: str) -> Images:
    """Add noise to images until the network sees another class."""
    config = run.config
    how = Attack(epsilon=config.epsilon, steps=config.attack_steps, seed=run.seed)
    wanted = Towards(config.wrong) if goal == "towards" else AwayFrom(labels)
    return pgd(run.model(config.model), images, wanted, how).images


def removed(run: Run) -> dict[str, Tensor]:
    """Cover what the maps mark and ask again.

    Of each photograph a share is covered in grey: where Grad-CAM is largest, where the counterfactual map is, and at
    random. The class is the predicted one.

    Returns:
        For each way: ``WAY/flips``, whether another class is predicted then; ``WAY/change``, of the class's logit.
    """
    config, photos = run.config, boxed(run, run.config.removed)

    def compute() -> dict[str, Tensor]:
        parts = [_removed(run, some) for some in batches(photos)]
        return {key: torch.cat([part[key] for part in parts]) for key in parts[0]}

    asked = config.model, config.layer, config.size, config.removed_share, names_of(photos)
    return run.part("removed", compute, *asked)


def _removed(run: Run, photos: Sequence[Photo]) -> dict[str, Tensor]:
    model, images = run.model(run.config.model), read(run, photos)
    clean = logits_of(model, images).cpu()
    predicted = clean.argmax(1)
    found = {}
    for way, maps in marks(run, images, predicted).items():
        logits = logits_of(model, covered(images, marked(maps, run.config.removed_share))).cpu()
        found[f"{way}/flips"] = logits.argmax(1) != predicted
        found[f"{way}/change"] = (logits - clean).gather(1, predicted[:, None])[:, 0]
    return found


def removed_from_scenes(run: Run) -> dict[str, Tensor]:
    """Cover parts of photographs by the maps of objects in them, whose class need not be the one predicted.

    Returns:
        As `removed`, for the class by which each object is asked for; ``WAY/flips`` is whether the prediction becomes a
        class of its category that was not one; ``WAY/marked``, whether the map marks anything.
    """
    config, of = run.config, scenes(run)

    def compute() -> dict[str, Tensor]:
        wanted = objects.asked_for(run)["targets"]
        places = torch.arange(min(config.removed, len(wanted))).split(BATCH)
        parts = [_removed_from_scenes(run, of, wanted, part) for part in places]
        return {key: torch.cat([part[key] for part in parts]) for key in parts[0]}

    asked = config.model, config.layer, config.size, config.removed, config.removed_share, config.scenes
    return run.part("removed-from-scenes", compute, *asked, config.smallest)


def _removed_from_scenes(run: Run, of: Scenes, wanted: Tensor, places: Tensor) -> dict[str, Tensor]:
    model, images = run.model(run.config.model), of.images[of.owners[places]].to(run.device)
    classes, clean = wanted[places], logits_of(model, images).cpu()
    kin = [of.classes[place] for place in places.tolist()]

    def named(logits: Tensor) -> Tensor:
        return torch.tensor([int(index) in own for index, own in zip(logits.argmax(1), kin, strict=True)])

    found, before = {}, named(clean)
    for way, maps in marks(run, images, classes).items():
        masks = marked(maps, run.config.removed_share)
        logits = logits_of(model, covered(images, masks)).cpu()
        found[f"{way}/flips"] = named(logits) & ~before
        found[f"{way}/change"] = (logits - clean).gather(1, classes[:, None])[:, 0]
        found[f"{way}/marked"] = masks.flatten(1).any(1)
    return found


def marks(run: Run, images: Images, classes: Tensor) -> dict[str, Tensor]:
    """Return the maps by which parts of images are removed."""
    model, layer = run.model(run.config.model), run.config.layer
    return {
        "Grad-CAM": heatmaps(model, "grad_cam", images, classes, layer).cpu(),
        "counterfactual": heatmaps(model, "counterfactual_grad_cam", images, classes, layer).cpu(),
        "random": random_maps(run, len(images)),
    }


def marked(maps: Tensor, share: float) -> Masks:
    """Return the pixels with the largest values, so many of them; none where a map is zero."""
    cut = maps.flatten(1).quantile(1 - share, dim=1)[:, None, None]
    return (maps > cut) & (maps > 0)


def covered(images: Images, masks: Masks) -> Images:
    """Return images that are grey where the masks say so."""
    return torch.where(masks[:, None].to(images.device), torch.full_like(images, 0.5), images)
