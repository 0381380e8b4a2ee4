"""A dream from file to file."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from innerview.core.devices import choose_device
from innerview.core.errors import BadInput
from innerview.core.images import check_animation_suffix, read_image, to_array, write_animation, write_image
from innerview.core.progress import progress
from innerview.core.store import Store
from innerview.core.types import Images
from innerview.models import MODELS, load_model
from innerview.optimize import Objective, layer, parse_objective
from innerview.synthesis.deepdream import DreamRecipe, deepdream, guided, zoom

GUIDE_LAYER = {"googlenet": "inception_3b"}
"""Where the notebook guides; other models are guided at their usual layer."""


@dataclass(frozen=True)
class DreamFiles:
    """What a dream reads and writes."""

    image: Path
    out: Path
    guide: Path | None = None


def dream_file(
    files: DreamFiles,
    model: str = "googlenet",
    objective: str | None = None,
    recipe: DreamRecipe | None = None,
    *,
    size: int | None = None,
    frames: int = 1,
    device: str = "auto",
) -> None:
    """Dream on an image file and write the result; several frames make an animation that zooms.

    Until the result is written, finished octaves (or frames) lie in a folder beside it, so that a dream that was
    interrupted continues when it is started again.

    Args:
        files: What to read and write.
        model: Name of the model.
        objective: Its text, or None for the guide's or the usual layer's.
        recipe: How to dream.
        size: Shorter side in pixels.
        frames: Of the zoom.
        device: Where to compute.

    Raises:
        InnerviewError: of reading, loading, dreaming or writing; the message says what to mend.
    """
    if files.guide is not None and objective is not None:
        raise BadInput("a guide is an objective of its own; give either the guide or the objective")
    if frames > 1:
        check_animation_suffix(files.out)
    images = read_image(files.image, size).to(choose_device(device))
    network = load_model(model).to(images.device)
    wanted = _objective(files, model, network, objective, images)
    store = Store(files.out.with_name(f".{files.out.name}.unfinished"))
    if frames == 1:
        write_image(files.out, deepdream(network, images, wanted, recipe=recipe, store=store, progress=True))
    else:
        steps = zoom(network, images, wanted, frames=frames, recipe=recipe, store=store)
        shown = [to_array(frame)[0] for frame in progress(steps, "zoom", total=frames)]
        write_animation(files.out, shown)
    shutil.rmtree(store.folder, ignore_errors=True)


def _objective(files: DreamFiles, model: str, network: nn.Module, objective: str | None, images: Images) -> Objective:
    if objective is not None:
        return parse_objective(objective)
    if model not in MODELS:
        raise BadInput(
            f"say what {model} is to dream of: --objective layer:LAYER; `innerview layers {model}` lists them"
        )
    usual = MODELS[model].layer
    if files.guide is None:
        return layer(usual)
    return guided(network, read_image(files.guide, 224).to(images.device), GUIDE_LAYER.get(model, usual))
