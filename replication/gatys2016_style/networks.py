"""Networks that give any photograph a style in one pass: one of four styles, and two of one to compare normalizations.

    python -m replication.gatys2016_style.networks

It takes an hour on one core, goes on where it was stopped, and writes the networks to ``networks/`` and what
was measured to ``networks.json``, both beside this file.
"""

import hashlib
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final

import torch
import typer
from torch import nn

from innerview.assets import fetch
from innerview.core.devices import choose_device
from innerview.core.errors import BadInput, InnerviewError, near
from innerview.core.files import check_writable, read_json, write_json
from innerview.core.images import center_crop, read_image
from innerview.core.types import Images
from innerview.models import load_model
from innerview.replicate.machine import machine, versions
from innerview.synthesis.fast_style import FastStyleLoss, FastStyleRecipe, train_style_network
from innerview.synthesis.style_files import save_style_network
from innerview.synthesis.style_networks import StyleArchitecture, StyleNetwork
from innerview.training import Training

HERE: Final = Path(__file__).parent
LOSS_NETWORK: Final = "vgg19"
STYLE_SIDE: Final = 224
"""Shorter side of a style, in pixels; strokes come out at this size."""

HELD_OUT: Final = 32
"""Photographs that no network was trained on."""

WINDOWS: Final = 100
"""Parts of a training; of each the mean loss is written down."""

PAINTINGS: Final = ("starry_night", "the_scream", "shipwreck")
SMALL: Final = FastStyleRecipe(StyleArchitecture(16, 2), size=128, steps=1000, mixed=True)


@dataclass(frozen=True)
class Plan:
    """One training."""

    styles: tuple[str, ...]
    recipe: FastStyleRecipe


PLANS: Final[Mapping[str, Plan]] = {
    "four_styles": Plan(
        (*PAINTINGS, "pebbles"), replace(SMALL, architecture=StyleArchitecture(20, 4, "conditional"), steps=3200)
    ),
    "instance": Plan(PAINTINGS[:1], SMALL),
    "batch": Plan(PAINTINGS[:1], replace(SMALL, architecture=StyleArchitecture(16, 2, "batch"))),
}


@dataclass(frozen=True)
class Places:
    """Where things are written: what a trial leaves never takes the place of what is committed."""

    checkpoints: Path
    networks: Path
    numbers: Path


def places(out: Path, steps: int | None) -> Places:
    """Return where a training, or a trial of so many steps, writes."""
    if steps is None:
        return Places(out, HERE / "networks", HERE / "networks.json")
    trial = out / f"trial-{steps}"
    return Places(trial, trial, trial / "networks.json")


def run(names: tuple[str, ...], out: Path, steps: int | None = None, device: str = "auto") -> None:
    """Train networks and write them, each with its numbers.

    Args:
        names: Keys of `PLANS`.
        out: Folder for checkpoints.
        steps: Of a trial.
        device: See `innerview.core.devices.choose_device`.

    Raises:
        BadInput: no training has such a name.
    """
    for name in names:
        if name not in PLANS:
            raise BadInput(f"no training is called {name!r}{near(name, PLANS) or '; there are ' + ', '.join(PLANS)}")
    at = places(out, steps)
    check_writable(at.numbers)
    chosen = choose_device(device)
    model = load_model(LOSS_NETWORK).to(chosen)
    for name in names:
        plan = PLANS[name]
        recipe = plan.recipe if steps is None else replace(plan.recipe, steps=steps)
        print(f"{name}: {recipe.steps} steps", flush=True)
        row = trained(name, Plan(plan.styles, recipe), model, at)
        made = {"machine": machine(chosen), "date": datetime.now(UTC).isoformat(timespec="seconds")}
        known = read_json(at.numbers) if at.numbers.exists() else {}
        write_json(at.numbers, known | {name: row | made | {"versions": versions()}})


def trained(name: str, plan: Plan, model: nn.Module, at: Places) -> dict[str, Any]:
    """Train and write one network; return its numbers."""
    styles, recipe = {style: style_image(style) for style in plan.styles}, plan.recipe
    photographs = sorted(fetch("imagenette160_train").values())
    found = train_style_network(model, photographs, styles, recipe, folder=at.checkpoints / name, progress=True)
    network = found.model
    if not isinstance(network, StyleNetwork):
        raise TypeError(type(network))
    path = at.networks / f"{name}.safetensors"
    command = f"python -m {__spec__.name} --only {name}"
    told = asdict(recipe) | {"loss network": LOSS_NETWORK, "style side": STYLE_SIDE, "command": command}
    save_style_network(path, network, {key: value for key, value in told.items() if key != "architecture"})
    return {
        "command": command,
        "recipe": asdict(replace(recipe, architecture=network.architecture)),
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "bytes": path.stat().st_size,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "seconds": found.seconds,
        "losses": smoothed(found),
        "held out": held_out(network, FastStyleLoss(model, styles, recipe)),
    }


def style_image(name: str) -> Images:
    """Return a style by name, from the assets of paintings or of textures."""
    files = fetch("texture_pebbles" if name == "pebbles" else "style_inputs")
    return read_image(next(path for key, path in files.items() if key.rpartition("/")[2] == f"{name}.jpg"), STYLE_SIDE)


@torch.no_grad()
def held_out(network: StyleNetwork, loss: FastStyleLoss) -> dict[str, dict[str, float]]:
    """Return the parts of the loss by style, means over photographs that the network has not seen."""
    paths = sorted(fetch("imagenette160_val").values())
    some = [paths[place * len(paths) // HELD_OUT] for place in range(HELD_OUT)]
    size = loss.recipe.size
    images = torch.cat([center_crop(read_image(path, 5 * size // 4), size) for path in some])
    device = next(network.parameters()).device
    rows: dict[str, dict[str, float]] = {}
    for index, style in enumerate(loss.styles):
        parts = [loss.parts(network, few.to(device), torch.full((len(few),), index)) for few in images.split(8)]
        rows[style] = {kind: float(torch.cat([part[kind] for part in parts]).mean()) for kind in parts[0]}
    return rows


def smoothed(found: Training) -> list[float]:
    """Return the mean loss of each of `WINDOWS` equal parts of a training, or of each step of a short one."""
    return [float(part.mean()) for part in found.history.tensor_split(min(WINDOWS, len(found.history)))]


@cache
def numbers() -> Mapping[str, Any]:
    """Return what was measured, as committed: name of the training -> its numbers.

    Raises:
        BadInput: there is no such file.
    """
    return read_json(HERE / "networks.json")


def main(
    out: Annotated[Path, typer.Option(help="Folder for checkpoints.")] = Path("results/study"),
    only: Annotated[list[str] | None, typer.Option(help="A training; all by default.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="A trial of so many steps, written to --out.")] = None,
    device: str = "auto",
) -> None:
    """Train the networks."""
    try:
        run(tuple(only or PLANS), out / "gatys2016_style", steps, device)
    except InnerviewError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from error
    except KeyboardInterrupt:
        print("stopped; the same command goes on", file=sys.stderr)
        raise typer.Exit(130) from None


if __name__ == "__main__":
    typer.run(main)
