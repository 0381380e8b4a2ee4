"""What all studies share: heatmaps of many photographs by any method, and what a model thinks of them."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from innerview.assets import AssetUnavailable
from innerview.attribution import METHODS
from innerview.core.maps import enlarged
from innerview.core.types import Heatmaps, Images, Logits
from innerview.models import LOGITS, evaluate
from innerview.replicate import Run
from replication.selvaraju2017_grad_cam.photographs import Photo

BATCH = 16


def heatmaps(
    model: nn.Module, method: str, images: Images, targets: Sequence[int] | Tensor, layer: str | None = None
) -> Heatmaps:
    """Explain images by a method, a batch at a time; the maps come enlarged to the images' size.

    Args:
        model: The classifier.
        method: A name in `innerview.attribution.METHODS`.
        images: ``(b, 3, h, w)``.
        targets: Class of each image.
        layer: For methods that look at one; None for the deepest.
    """
    targets = torch.as_tensor(targets)
    parts = [
        METHODS[method].explain(model, images[start : start + BATCH], targets[start : start + BATCH], layer)
        for start in range(0, len(images), BATCH)
    ]
    return enlarged(torch.cat(parts), (images.shape[-2], images.shape[-1]))


def logits_of(model: nn.Module, images: Images) -> Logits:
    """Return the logits of many images."""
    return evaluate(model, images, LOGITS, BATCH)[LOGITS].clone()


def networks(run: Run) -> dict[str, tuple[nn.Module, str | None]]:
    """Return the networks of Table 1 that can be had here: name -> the network and its layer, None for the deepest."""
    found: dict[str, tuple[nn.Module, str | None]] = {run.config.model: (run.model(run.config.model), run.config.layer)}
    for name in () if run.fallback else run.config.others:
        try:
            found[name] = run.model(name), None
        except AssetUnavailable:
            print(f"the weights of {name} are not here; its row shows the paper's numbers alone")
    return found


def random_maps(run: Run, count: int) -> Heatmaps:
    """Return maps of 7x7 random numbers, as coarse as Grad-CAM's, at the photographs' size."""
    drawn = torch.rand(count, 7, 7, generator=torch.Generator().manual_seed(run.seed))
    return enlarged(drawn, (run.config.size, run.config.size))


def chunks(photos: Sequence[Photo], size: int) -> list[list[Photo]]:
    """Cut photographs into chunks; each becomes a part of the run, so that a stopped run goes on there."""
    return [list(photos[start : start + size]) for start in range(0, len(photos), size)]


def batches(photos: Sequence[Photo]) -> list[list[Photo]]:
    """Cut photographs into batches."""
    return chunks(photos, BATCH)


def names_of(photos: Sequence[Photo]) -> list[str]:
    """Return the files' names, by which parts are found again."""
    return [one.path.name for one in photos]
