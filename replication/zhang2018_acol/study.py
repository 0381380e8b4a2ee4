"""The study that no preset can hold: three seeds of all ways to train, two of further thresholds of erasing.

    python -m replication.zhang2018_acol.study

It takes hours on two cores, goes on where it was stopped, and writes its numbers to ``study.json`` beside this file.
"""

import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final

import torch
import typer
from torch import Tensor

from innerview.attribution import cam, grad_cam
from innerview.core.devices import choose_device
from innerview.core.errors import InnerviewError
from innerview.core.files import check_writable, read_json, write_json
from innerview.core.maps import enlarged, unit_range
from innerview.core.store import Store
from innerview.models import LOGITS, evaluate, load_model
from innerview.replicate.machine import machine, versions
from replication.zhang2018_acol.config import Config, Method, erasings, methods
from replication.zhang2018_acol.data import labels_of, photographs, read
from replication.zhang2018_acol.measures import measured, measured_maps, middle_maps, overlap
from replication.zhang2018_acol.trained import BATCH, Lab, Which, forget_features, outcome

NUMBERS: Final = Path(__file__).with_name("study.json")
SEEDS: Final = (0, 1, 2)
ERASING_SEEDS: Final = (0, 1)
"""Of the thresholds of erasing other than the usual one."""
CONFIG: Final = Config(trained_behind="pool3_3x3_s2", width=256, epochs=3, views=3)
"""What two cores can do in an evening: the blocks 4a to 4e and the classifiers are trained, narrower ones than the
paper's, on features of three crops of each photograph."""

PARTS: Final[Mapping[str, str]] = {"blocks 4a-4e": "pool3_3x3_s2", "classifiers only": "inception_4e"}
"""How much of the network is trained -> the layer behind which it is."""


@dataclass(frozen=True)
class Trial:
    """One training of the study."""

    trained: str
    """A key of `PARTS`."""
    name: str
    method: Method
    seed: int


def trials(config: Config = CONFIG) -> list[Trial]:
    """Return all trainings: every way and every threshold with the blocks trained, the two main ways without."""
    most, fewest = PARTS
    ways, best = methods(config), f"ACoL, {config.delta:g}"
    main = {"GAP": ways["GAP"], best: ways["ACoL"]}
    others = {name: way for name, way in ways.items() if name not in ("GAP", "ACoL")}
    deltas = {name: way for name, way in erasings(config).items() if name != best}
    return [
        Trial(trained, name, way, seed)
        for trained, group, seeds in (
            (most, main | others, SEEDS),
            (fewest, main, SEEDS),
            (most, deltas, ERASING_SEEDS),
        )
        for seed in seeds
        for name, way in group.items()
    ]


def run_study(out: Path, device: str = "auto") -> None:
    """Train and measure everything that is not there yet, and write the numbers.

    Args:
        out: Folder for features, checkpoints and results.
        device: See `innerview.core.devices.choose_device`.
    """
    check_writable(NUMBERS)
    chosen = choose_device(device)
    model, data = load_model(CONFIG.model).to(chosen), photographs(CONFIG)
    lab = Lab(CONFIG, data, model, out, Store(out / "results").keep)
    rows = untrained(lab)
    for trial in trials():
        print(f"{trial.trained}: {trial.name}, seed {trial.seed}", flush=True)
        rows += trained(lab, trial)
    for part in PARTS:
        forget_features(of_part(lab, part))
    told = {"config": asdict(CONFIG), "seeds": SEEDS, "training": len(data.training), "boxed": len(data.boxed)}
    made = {"machine": machine(chosen), "device": chosen.type, "date": datetime.now(UTC).isoformat(timespec="seconds")}
    write_json(NUMBERS, made | {"versions": versions()} | told | {"rows": rows})


def of_part(lab: Lab, part: str) -> Lab:
    """Return where so much of the network is trained."""
    config = replace(lab.config, trained_behind=PARTS[part])
    return replace(lab, config=config, folder=lab.folder / config.trained_behind)


def trained(lab: Lab, trial: Trial) -> list[dict[str, Any]]:
    """Train, and return the numbers of each kind of maps."""
    own = of_part(lab, trial.trained)
    found = outcome(own, trial.name, trial.method, trial.seed)
    one: Which = "a" if found.maps.b is None else "fused"
    kinds: tuple[Which, ...] = ("fused", "a", "b") if trial.method.delta == lab.config.delta else (one,)
    title = f"{own.config.trained_behind}-{trial.name}-{trial.seed}"
    told = {"trained": trial.trained, "name": trial.name, "delta": trial.method.delta, "seed": trial.seed}
    shared = {"overlap": None if found.maps.b is None else 100 * float(overlap(found).mean())}
    shared |= {"tuning accuracy": 100 * float(found.accuracy[-1]), "loss": float(found.history[-100:].mean())}
    return [told | {"map": kind} | measured(own, title, found, kind).numbers() | shared for kind in kinds]


def untrained(lab: Lab) -> list[dict[str, Any]]:
    """Return the numbers of what needs no training: the network's own CAM and Grad-CAM, and maps that know nothing."""
    own = {"CAM": cam, "Grad-CAM": grad_cam}
    examples, indices = lab.photographs.boxed, torch.tensor(lab.photographs.indices)
    maps: dict[str, list[Tensor]] = {name: [] for name in own}
    logits: list[Tensor] = []
    for start in range(0, len(examples), BATCH):
        some = examples[start : start + BATCH]
        images, classes = read(some, lab.config.size), indices[labels_of(some)]
        logits.append(evaluate(lab.model, images, LOGITS)[LOGITS][:, indices])
        for name, method in own.items():
            maps[name].append(enlarged(method(lab.model, images, classes), (lab.config.size, lab.config.size)))
    known = {name: torch.cat(found) for name, found in maps.items()} | {"middle": middle_maps(lab)}
    told = {"trained": "nothing", "delta": None, "seed": None, "map": "a"}
    return [
        told | {"name": name} | measured_maps(lab, name, unit_range(found), torch.cat(logits)).numbers()
        for name, found in known.items()
    ]


@cache
def numbers() -> Mapping[str, Any]:
    """Return what the study found, as committed.

    Raises:
        BadInput: there is no such file.
    """
    return read_json(NUMBERS)


def rows_of(name: str, *, trained: str = next(iter(PARTS)), kind: str | None = None) -> list[Mapping[str, Any]]:
    """Return the rows of one way to train, one for each seed.

    Args:
        name: Such as ``GAP`` or ``ACoL, 0.6``.
        trained: How much of the network; a key of `PARTS`.
        kind: Of the maps; by default fused ones where there are two.
    """
    found = [row for row in numbers()["rows"] if (row["name"], row["trained"]) == (name, trained)]
    return [row for row in found if row["map"] == (kind or found[0]["map"])]


def main(
    out: Annotated[Path, typer.Option(help="Folder for features, checkpoints and results.")] = Path("results/study"),
    device: str = "auto",
) -> None:
    """Run the study."""
    try:
        run_study(out / "zhang2018_acol", device)
    except InnerviewError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from error
    except KeyboardInterrupt:
        print("stopped; the same command goes on", file=sys.stderr)
        raise typer.Exit(130) from None


if __name__ == "__main__":
    typer.run(main)
