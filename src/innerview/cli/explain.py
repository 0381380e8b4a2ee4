"""``innerview explain``: what in a photograph a network's answer comes from, by one method or all side by side."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from innerview.cli.options import LARGEST, Device, Model, Output, Seed, checked_picture, percent, told_once
from innerview.core.errors import BadInput

if TYPE_CHECKING:
    from torch import Tensor, nn

    from innerview.attribution.methods import Method
    from innerview.core.types import Images
    from innerview.figures.heatmaps import Explained

METHOD_HELP: Final = (
    "One of saliency, gradient_times_input, smooth_grad, integrated_gradients, deconvnet, guided_backprop, occlusion, "
    "rise, cam, grad_cam, grad_cam_plus_plus, layer_cam, guided_grad_cam, counterfactual_grad_cam, "
    "spatial_attribution; several with commas between; or all."
)
ALL: Final = "all"


def explain(
    images: Annotated[list[Path], typer.Argument(help="Photographs.")],
    out: Output,
    method: Annotated[str, typer.Option(help=METHOD_HELP)] = "grad_cam",
    model: Model = "googlenet",
    target: Annotated[
        str, typer.Option(help="Name or index of a class; none for the class that each image is predicted to be.")
    ] = "none",
    layer: Annotated[str | None, typer.Option(help="Of the methods that read one; the last with positions.")] = None,
    top: Annotated[int | None, typer.Option(min=1, help="So many of the most likely classes, in place of one.")] = None,
    size: Annotated[int, typer.Option(min=8, max=LARGEST, help="Shorter side in pixels; images are not cut.")] = 224,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Show what in IMAGES speaks for a class, as one sheet: a block for each image, a panel for each method."""
    from innerview.attribution.methods import chosen
    from innerview.core.devices import choose_device
    from innerview.core.images import read_image
    from innerview.models import load_model

    checked_picture(out)
    methods = chosen(method)
    _check_options(methods, layer, target, top)
    place = choose_device(device)
    photos = [read_image(path, size).to(place) for path in images]
    network = load_model(model).to(place)
    questions = [_question(network, path, photo, target, top) for path, photo in zip(images, photos, strict=True)]
    layer = _layer(network, photos[0], layer, methods)
    answers = _answers(network, questions, methods, layer, seed, lenient=method.strip() == ALL)
    _draw(out, questions, answers)
    for question in questions:
        print(f"{question.path}: {model}, {', '.join(question.titles)}; {_told(list(answers), layer)}")


@dataclass(frozen=True)
class Question:
    """An image and the classes that are explained in it, under their titles."""

    path: Path
    image: "Images"
    classes: tuple[int, ...]
    titles: tuple[str, ...]


Answers = dict["Method", list["Tensor"]]
"""Method -> maps of each question, ``(classes, rows, columns)``."""


def _check_options(methods: "Sequence[Method]", layer: str | None, target: str, top: int | None) -> None:
    """Refuse options that would be ignored."""
    if layer is not None and not any(method.layered for method in methods):
        raise BadInput(f"{methods[0].name} reads no layer; leave --layer out")
    if top is not None and _named(target):
        raise BadInput("--top chooses the classes itself; leave --target out")


def _named(target: str) -> bool:
    return target.strip().casefold() not in ("none", "")


def _question(network: "nn.Module", path: Path, image: "Images", target: str, top: int | None) -> Question:
    import torch

    from innerview.models import class_index, class_labels, class_logits

    with torch.no_grad():
        logits = class_logits(network, image)
    count = logits.shape[1]
    if top is not None and top > count:
        raise BadInput(f"the model has {count} classes; --top {top} asks for more")
    classes = [class_index(network, target)] if _named(target) else logits[0].topk(top or 1).indices.tolist()
    if classes[0] >= count:
        raise BadInput(f"class index {classes[0]} is out of range; it runs from 0 to {count - 1}")
    labels, likely = class_labels(network), logits.softmax(1)[0].tolist()
    titles = [f"{labels[one] if labels else f'class {one}'} {percent(likely[one])}" for one in classes]
    return Question(path, image, tuple(classes), tuple(titles))


def _layer(network: "nn.Module", image: "Images", layer: str | None, methods: "Sequence[Method]") -> str | None:
    """Settle which layer is read, and that it has a spatial map, before the work."""
    from innerview.attribution.default_layer import default_layer
    from innerview.attribution.readings import layer_maps
    from innerview.models import activations

    if not any(method.layered for method in methods):
        return None
    if layer is None:
        return default_layer(network, image)
    layer_maps(network, layer, activations(network, image, layer)[layer], image)
    return layer


def _answers(
    network: "nn.Module", questions: "Sequence[Question]", methods: "Sequence[Method]", layer: str | None, seed: int,
    *, lenient: bool,
) -> Answers:  # fmt: skip
    """Explain each image by each method; where `lenient`, a method that cannot work for this network is left out."""
    from innerview.core.progress import progress

    answers: Answers = {}
    refusal: BadInput | None = None
    with told_once(), progress(methods, "explaining") as bar:
        for method in bar:
            bar.set_description(method.title)
            try:
                answers[method] = [_maps(network, question, method, layer, seed) for question in questions]
            except BadInput as error:
                if not lenient:
                    raise
                refusal = error
                warnings.warn(f"{method.title} is left out: {error}", stacklevel=1)
        if refusal is not None and not answers:
            raise refusal
    return answers


def _maps(network: "nn.Module", question: Question, method: "Method", layer: str | None, seed: int) -> "Tensor":
    """Explain the classes of one image in one pass, as a batch of the same image."""
    image = question.image.repeat(len(question.classes), 1, 1, 1)
    return method.explain(network, image, question.classes, layer, seed=seed).cpu()


def _draw(out: Path, questions: "Sequence[Question]", answers: Answers) -> None:
    """Write the sheet: a block for each image, and within it for each class if there are several methods."""
    from innerview.core.images import from_array, write_image
    from innerview.figures.heatmaps import heatmaps
    from innerview.figures.sheets import even_columns, rendered

    blocks = [block for number, question in enumerate(questions) for block in _blocks(question, number, answers)]
    columns = even_columns(len(blocks[0]))
    for block in blocks:
        block.extend([None] * (-len(block) % columns))
    only = next(iter(answers)) if len(answers) == 1 else None
    panels = [panel for block in blocks for panel in block]
    unit = None if only is None or only.unit is None else f"{only.title}, in {only.unit}"
    figure = heatmaps(panels, unit=unit, columns=columns)
    write_image(out, from_array(rendered(figure)))


def _blocks(question: Question, number: int, answers: Answers) -> "list[list[Explained | None]]":
    """Return the panels of one image, in blocks that begin with the photograph."""
    from innerview.figures.coloring import look
    from innerview.figures.heatmaps import Explained

    name, image = question.path.name, question.image
    cells = {
        method: [
            Explained(method.title, image, one, look(signed=method.signed, fine=method.fine)) for one in maps[number]
        ]
        for method, maps in answers.items()
    }
    if len(cells) == 1:
        ((method, panels),) = cells.items()
        named = [replace(panel, title=title) for panel, title in zip(panels, question.titles, strict=True)]
        return [[Explained(f"{name}: {method.title}", image), *named]]
    return [
        [Explained(f"{name}: {title}", image), *(panels[row] for panels in cells.values())]
        for row, title in enumerate(question.titles)
    ]


def _told(methods: "Sequence[Method]", layer: str | None) -> str:
    titles = ", ".join(method.title for method in methods) if len(methods) <= 3 else f"{len(methods)} methods"
    return f"{titles}, layer {layer}" if layer is not None else titles
