"""Localization without ever having seen a box: Table 1, other methods beside it, and how deep the layer has to be."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from innerview.attribution import cam, grad_cam, grad_cam_classes
from innerview.core.maps import enlarged, scaled
from innerview.core.types import Boxes, Images
from innerview.localization import (
    BoxAccuracy,
    Localization,
    box_from_heatmap,
    grabcut,
    gt_known,
    localization,
    max_box_accuracies,
)
from innerview.replicate import Run
from replication.selvaraju2017_grad_cam.explaining import BATCH, batches, chunks, heatmaps, names_of, networks
from replication.selvaraju2017_grad_cam.photographs import Photo, boxed, read

COMPARED: Final = (
    "grad_cam", "grad_cam_plus_plus", "layer_cam", "guided_grad_cam", "guided_backprop", "saliency"
)  # fmt: skip
"""Methods whose boxes are compared, beside saliency with GrabCut and a box in the middle."""

TOP: Final = 5


@dataclass(frozen=True)
class Located:
    """How one network and its Grad-CAM fare on the photographs with boxes."""

    guessed: Localization
    """Of the five likeliest classes, each with its own box."""
    told: Localization
    """Of the true class, which was told (GT-known)."""


def table(run: Run) -> dict[str, Located]:
    """Return what Table 1 shows, for each network that can be had."""
    return {name: located(run, name, model, layer) for name, (model, layer) in networks(run).items()}


def located(run: Run, name: str, model: nn.Module, layer: str | None) -> Located:
    """Find boxes in all photographs by one network's Grad-CAM."""
    config, photos = run.config, boxed(run)
    found = []
    for number, some in enumerate(chunks(photos, 250)):

        def compute(some: list[Photo] = some) -> dict[str, Tensor]:
            return _joined([_guesses(run, model, layer, part) for part in batches(some)])

        asked = name, layer, names_of(some), config.size, config.threshold
        found.append(run.part(f"table-{name.replace('/', '-')}-{number:03}", compute, *asked))
    guesses, labels, truth = _joined(found), [one.label for one in photos], [one.boxes for one in photos]
    return Located(
        localization(guesses["classes"][:, :TOP], guesses["boxes"][:, :TOP], labels, truth, config.overlap),
        gt_known(guesses["boxes"][:, TOP], truth, config.overlap),
    )


def _guesses(run: Run, model: nn.Module, layer: str | None, photos: Sequence[Photo]) -> dict[str, Tensor]:
    """Return the likeliest classes of each photograph and, behind them, its true class, with a box for each."""
    images, labels = read(run, photos), torch.tensor([one.label for one in photos])
    likeliest = grad_cam_classes(model, images, TOP, layer)
    true = grad_cam(model, images, labels, layer)[:, None]
    maps = torch.cat([likeliest.maps, true], 1).flatten(0, 1).cpu()
    boxes = box_from_heatmap(enlarged(maps, (run.config.size, run.config.size)), run.config.threshold)
    classes = torch.cat([likeliest.classes.cpu(), labels[:, None]], 1)
    return {"classes": classes, "boxes": boxes.reshape(len(photos), TOP + 1, 4)}


def _joined(parts: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {key: torch.cat([part[key] for part in parts]) for key in parts[0]}


@dataclass(frozen=True)
class Compared:
    """One method's boxes around the true class, which was told."""

    boxes: Localization
    """By the paper's rule: the largest component above the threshold."""
    first: BoxAccuracy | None = None
    """MaxBoxAcc; None where there is nothing to threshold."""
    second: BoxAccuracy | None = None
    """MaxBoxAccV2."""


def compared(run: Run) -> dict[str, Compared]:
    """Compare methods by their boxes."""
    photos = boxed(run, run.config.compared)
    found = {method: _compared(run, method, photos) for method in COMPARED}
    truth, size = [one.boxes for one in photos], run.config.size
    edge = size * (1 - 0.5**0.5) / 2  # so that it covers half of the photograph
    middle = torch.tensor([edge, edge, size - edge, size - edge]).expand(len(photos), 4)
    found["saliency, GrabCut"] = Compared(gt_known(cut_boxes(run, photos), truth))
    found["box in the middle"] = Compared(gt_known(middle, truth))
    return found


def _compared(run: Run, method: str, photos: Sequence[Photo]) -> Compared:
    maps, truth = maps_of(run, method, photos), [one.boxes for one in photos]

    def compute() -> dict[str, Tensor]:
        return {
            f"{number}/{name}": torch.as_tensor(getattr(found, name), dtype=torch.float64)
            for number, found in enumerate(max_box_accuracies(maps, truth, 200))
            for name in ("thresholds", "overlaps", "levels")
        }

    part = run.part(f"max-box-acc-{method}", compute, *_asked(run, photos))
    first, second = (
        BoxAccuracy(part[f"{number}/thresholds"], part[f"{number}/overlaps"], tuple(part[f"{number}/levels"].tolist()))
        for number in (0, 1)
    )
    boxes = box_from_heatmap(maps, run.config.threshold)
    return Compared(gt_known(boxes, truth, run.config.overlap), first, second)


def maps_of(run: Run, method: str, photos: Sequence[Photo]) -> Tensor:
    """Return the heatmaps of a method for the true classes, each divided by its largest value, kept in half precision.

    So much is enough for boxes.
    """
    config, found = run.config, []
    for number, some in enumerate(chunks(photos, 100)):

        def compute(some: list[Photo] = some) -> dict[str, Tensor]:
            labels = [one.label for one in some]
            maps = heatmaps(run.model(config.model), method, read(run, some), labels, config.layer)
            return {"maps": scaled(maps).half()}

        found.append(run.part(f"maps-{method}-{number:02}", compute, *_asked(run, some))["maps"])
    return torch.cat(found).float()


def cut_boxes(run: Run, photos: Sequence[Photo]) -> Boxes:
    """Return boxes around what GrabCut makes of saliency, as {cite}`simonyan2014deep` localized with GraphCut."""
    maps = maps_of(run, "saliency", photos)

    def compute() -> dict[str, Tensor]:
        parts = list(zip(batches(photos), maps.split(BATCH), strict=True))
        masks = torch.cat([grabcut(read(run, some).cpu(), part) for some, part in parts])
        return {"boxes": box_from_heatmap(masks.float(), 0.5)}

    return run.part("grabcut", compute, *_asked(run, photos))["boxes"]


def by_layer(run: Run) -> dict[str, Localization]:
    """Return how Grad-CAM's boxes fare when it looks at other layers, the class being told."""
    config, model = run.config, run.model(run.config.model)
    photos = boxed(run, config.layered)
    truth, labels = [one.boxes for one in photos], [one.label for one in photos]

    def compute() -> dict[str, Tensor]:
        images = read(run, photos)
        return {
            layer: box_from_heatmap(heatmaps(model, "grad_cam", images, labels, layer).cpu(), config.threshold)
            for layer in config.layers
        }

    found = run.part("layers", compute, config.layers, config.threshold, *_asked(run, photos))
    return {layer: gt_known(found[layer], truth, config.overlap) for layer in config.layers}


def example_boxes(run: Run, photos: Sequence[Photo], classes: Sequence[int]) -> tuple[Images, Tensor, Boxes]:
    """Return photographs, their Grad-CAM maps for these classes, and the boxes around them."""
    images = read(run, photos)
    maps = heatmaps(run.model(run.config.model), "grad_cam", images, classes, run.config.layer).cpu()
    return images.cpu(), maps, box_from_heatmap(maps, run.config.threshold)


def cam_difference(run: Run) -> float:
    """Return how far Grad-CAM is from ReLU(CAM) / Z at most, as a share of its largest value (Sec. 3.1)."""
    config, model = run.config, run.model(run.config.model)
    photos = boxed(run, 8)
    images, labels = read(run, photos), torch.tensor([one.label for one in photos])
    ours = grad_cam(model, images, labels, config.layer)
    theirs = torch.relu(cam(model, images, labels, config.layer)) / ours[0].numel()  # Z: the number of positions
    return float((ours - theirs).abs().max() / ours.max())


def _asked(run: Run, photos: Sequence[Photo]) -> tuple[object, ...]:
    """Return what maps of photographs depend on."""
    config = run.config
    return config.model, config.layer, config.size, names_of(photos)
