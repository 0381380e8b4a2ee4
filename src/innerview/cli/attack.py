"""``innerview attack``: images changed so that a network sees something else; ``innerview fool``: made from nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from innerview.cli.options import LARGEST, Device, Model, Output, Seed, checked_picture, percent
from innerview.core.errors import BadInput, near

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from innerview.adversarial import Attacked
    from innerview.core.types import Images

METHODS: Final = ("fgsm", "iterative", "pgd", "deepfool")

EPSILONS: Final = {"linf": 8 / 255, "l2": 3.0}
"""By default; sizes that fool most networks and hardly anyone else."""

Size = Annotated[int, typer.Option(min=8, max=LARGEST, help="Shorter side in pixels; images are not cut.")]
Steps = Annotated[int | None, typer.Option(min=1, help="Gradients that are taken: 10; 50 at most for deepfool.")]
Epsilon = Annotated[
    str | None, typer.Option(help="The most that an image may change, such as 8/255 (linf: of a value) or 3 (l2).")
]


def attack(
    images: Annotated[list[Path], typer.Argument(help="Photographs.")],
    out: Output,
    method: Annotated[str, typer.Option(help=f"One of {', '.join(METHODS)}.")] = "pgd",
    epsilon: Epsilon = None,
    norm: Annotated[str | None, typer.Option(help="linf (the default) or l2; deepfool's is l2.")] = None,
    target: Annotated[
        str | None, typer.Option(help="Name or index of the class to be seen; none: any other than now.")
    ] = None,
    steps: Steps = None,
    model: Model = "googlenet",
    save: Annotated[Path | None, typer.Option(help="Folder for the changed images, as PNG of 8 bits a colour.")] = None,
    size: Size = 224,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Change IMAGES a little, so that a network sees another class; one row each: image, change enlarged, result."""
    from innerview.core.devices import choose_device
    from innerview.core.images import read_image
    from innerview.models import load_model

    checked_picture(out)
    plan = _plan(method, epsilon, norm, target, steps, seed)
    files = {} if save is None else _files(save, images, method)
    place = choose_device(device)
    photos = [read_image(path, size).to(place) for path in images]
    network = load_model(model).to(place)
    _check_target(network, images, photos, target)
    rows = [Row(path, photo, plan.perturb(network, photo)) for path, photo in zip(images, photos, strict=True)]
    _draw(out, network, rows)
    for row in rows:
        print(f"{row.path}: {model}, {plan.told}: {_told(network, row)}")
    for path, file in files.items():
        (row,) = (row for row in rows if row.path == path)
        print(_saved(network, row, file, plan))


def fool(
    classes: Annotated[list[str], typer.Argument(help="Names or indices of classes, an image each.")],
    out: Output,
    start: Annotated[str, typer.Option(help="noise or grey.")] = "noise",
    epsilon: Epsilon = "16/255",
    steps: Annotated[int, typer.Option(min=1, help="Gradients that are taken.")] = 40,
    model: Model = "googlenet",
    size: Annotated[int, typer.Option(min=8, max=LARGEST, help="Height and width in pixels.")] = 224,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Make images that show nothing and that a network takes for CLASSES; one row each: start, change, result."""
    from innerview.adversarial import Attack, Attacked, fooling_images
    from innerview.core.devices import choose_device
    from innerview.models import load_model

    checked_picture(out)
    reach = _number(epsilon or "")
    how = Attack(reach, steps, min(1 / 255, reach), seed=None)
    network = load_model(model).to(choose_device(device))
    found = fooling_images(network, classes, start=start, size=size, attack=how, seed=seed)
    rows = []
    for name, first, last in zip(classes, found.starts.split(1), found.images.split(1), strict=True):
        before, after = (_seen(network, image).index for image in (first, last))
        wanted = found.classes.new_tensor([before, after])
        rows.append(Row(Path(name), first, Attacked(last, wanted[:1], wanted[1:], wanted[1:] == wanted[1:])))
    _draw(out, network, rows)
    for name, confidence in zip(classes, found.confidences.tolist(), strict=True):
        print(f"{out}: {model}, {name} {percent(confidence)} from {start}")


@dataclass(frozen=True)
class Plan:
    """What is done to each image, within which ball (None: as far as it takes), and how it is told."""

    perturb: "Callable[[nn.Module, Images], Attacked]"
    epsilon: float | None
    norm: str
    told: str


@dataclass(frozen=True)
class Row:
    """An image and what became of it."""

    path: Path
    image: "Images"
    attacked: "Attacked"


@dataclass(frozen=True)
class Seen:
    """What a network sees: the most likely class, and its name with its probability."""

    index: int
    told: str


def _plan(method: str, epsilon: str | None, norm: str | None, target: str | None, steps: int | None, seed: int) -> Plan:
    """Settle the attack, and refuse options that it would ignore."""
    from innerview.adversarial import AwayFrom, Course, Towards, attack_named, deepfool
    from innerview.adversarial.balls import check_epsilon

    if method not in METHODS:
        raise BadInput(f"no method is called {method!r}{near(method, METHODS)}; choose one of {', '.join(METHODS)}")
    if method == "deepfool":
        given = {"--epsilon": epsilon, "--norm": norm if norm != "l2" else None, "--target": target}
        ignored = [option for option, value in given.items() if value is not None]
        if ignored:
            raise BadInput(f"deepfool goes the shortest way to any class, under l2; leave {ignored[0]} out")
        course = Course() if steps is None else Course(steps=steps)
        return Plan(lambda network, image: deepfool(network, image, course), None, "l2", method)
    norm = norm or "linf"
    reach = EPSILONS.get(norm, 0.0) if epsilon is None else _number(epsilon)
    check_epsilon(reach, norm)
    perturb = attack_named(method, norm, steps, seed)
    goal = AwayFrom() if target is None else Towards(target)
    told = f"{method} within {reach:.3g} ({norm})"
    return Plan(lambda network, image: perturb(network, image, goal, reach), reach, norm, told)


def _number(text: str) -> float:
    try:
        return float(Fraction(text.replace(" ", "")))
    except (ValueError, ZeroDivisionError, OverflowError) as error:
        raise BadInput(f"epsilon {text!r} is no number; write such as 8/255 or 0.03") from error


def _files(folder: Path, images: Sequence[Path], method: str) -> dict[Path, Path]:
    """Return where each changed image goes, once it is sure that it can be written."""
    from innerview.core.files import check_writable

    files = {path: folder / f"{path.stem}-{method}.png" for path in images}
    if len(set(files.values())) < len(images):
        raise BadInput("two images have the same name and would be saved as one file; rename one, or give them apart")
    for file in files.values():
        check_writable(file)
    return files


def _check_target(network: "nn.Module", paths: Sequence[Path], photos: "Sequence[Images]", target: str | None) -> None:
    from innerview.models import class_index

    if target is None:
        return
    wanted = class_index(network, target)
    for path, photo in zip(paths, photos, strict=True):
        seen = _seen(network, photo)
        if seen.index == wanted:
            raise BadInput(f"{path} is seen as {seen.told} already; choose another --target")


def _seen(network: "nn.Module", image: "Images") -> Seen:
    import torch

    from innerview.models import class_labels, class_logits

    with torch.no_grad():
        chances = class_logits(network, image)[0].softmax(0)
    index = int(chances.argmax())
    labels = class_labels(network)
    name = labels[index].split(",")[0] if index < len(labels) else f"class {index}"
    return Seen(index, f"{name} {percent(float(chances[index]))}")


def _told(network: "nn.Module", row: Row) -> str:
    from innerview.adversarial import distances

    image, changed = row.image, row.attacked.images
    levels, length = 255 * float(distances(image, changed)), float(distances(image, changed, "l2"))
    told = f"{_seen(network, image).told} -> {_seen(network, changed).told}"
    fell_short = "" if bool(row.attacked.success) else ", not what was wanted"
    return f"{told}{fell_short}; values changed by at most {levels:.3g} of 255 levels, l2 {length:.3g}"


def _saved(network: "nn.Module", row: Row, file: Path, plan: Plan) -> str:
    """Save an image as a file can hold it, and say what is seen in the file."""
    from innerview.adversarial import to_levels
    from innerview.core.images import write_image

    reach = row.image[0].numel() ** 0.5 if plan.epsilon is None else plan.epsilon
    rounded = to_levels(row.image, row.attacked.images, reach, plan.norm)
    write_image(file, rounded)
    seen = _seen(network, rounded)
    same = "still" if seen.index == int(row.attacked.after) else "rounding changed what is seen:"
    return f"{file}: rounded to 8 bits, {same} {seen.told}"


def _draw(out: Path, network: "nn.Module", rows: Sequence[Row]) -> None:
    """Write the sheet: a row for each image."""
    from innerview.core.images import from_array, write_image
    from innerview.figures.sheets import rendered, sheet

    drawn = [panel for row in rows for panel in _panels(network, row)]
    write_image(out, from_array(rendered(sheet(drawn, columns=3, scale=1))))


def _panels(network: "nn.Module", row: Row) -> "list[tuple[str, np.ndarray]]":
    from innerview.core.images import to_array
    from innerview.figures.changes import amplified

    image, changed = row.image, row.attacked.images
    change, times = amplified(image, changed)
    return [
        (f"{row.path.name}: {_seen(network, image).told}", to_array(image)[0]),
        (f"Change, times {times}", change),
        (_seen(network, changed).told, to_array(changed)[0]),
    ]
