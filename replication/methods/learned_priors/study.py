"""The training of the two generators: a variational autoencoder and a generative adversarial network.

    python -m replication.methods.learned_priors.study

It takes an hour or two on one core, goes on where it was stopped, and writes the networks to
``src/innerview/synthesis/trained`` and what was measured to ``study.json`` beside this file.
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
from innerview.core.folders import read_square
from innerview.core.types import Images
from innerview.models import load_model
from innerview.replicate.machine import machine, versions
from innerview.synthesis.generator_files import TRAINED, save_generator
from innerview.synthesis.generator_training import Adversaries, AutoencoderLoss, Discriminator, adversarial_loss
from innerview.synthesis.generators import SIZE, Generator, VariationalAutoencoder
from innerview.training import (
    Adam,
    Cosine,
    Flip,
    Group,
    Loss,
    TensorSamples,
    Training,
    TrainingRecipe,
    load_weights,
    train,
)

NUMBERS: Final = Path(__file__).with_name("study.json")
LOOKING: Final = "googlenet"
"""The network that looks at images for both losses."""

WINDOWS: Final = 100
"""Parts of a training; of each the mean loss is written down."""


@dataclass(frozen=True)
class Plan:
    """One training."""

    recipe: TrainingRecipe
    adversarial: bool


PLANS: Final[Mapping[str, Plan]] = {
    "vae": Plan(
        TrainingRecipe(epochs=14, batch=32, optimizer=Adam(2e-3), schedule=Cosine(0.02), snapshots=(3, 6, 9)),
        adversarial=False,
    ),
    "gan": Plan(
        TrainingRecipe(
            epochs=15,
            batch=32,
            optimizer=Adam(5e-4, (0.0, 0.99)),
            groups=(Group("generator.*", 0.5),),
            snapshots=tuple(range(3, 15, 3)),
        ),
        adversarial=True,
    ),
}
"""In the order in which they are trained: the generator of the second begins as that of the first."""


def run(names: tuple[str, ...], out: Path, epochs: int | None = None, device: str = "auto") -> None:
    """Train generators and write them, each with its numbers.

    Args:
        names: Keys of `PLANS`.
        out: Folder for checkpoints.
        epochs: Of a trial, which writes nothing but checkpoints.
        device: See `innerview.core.devices.choose_device`.

    Raises:
        BadInput: no training has such a name.
    """
    for name in names:
        if name not in PLANS:
            raise BadInput(f"no training is called {name!r}{near(name, PLANS)}")
    chosen = choose_device(device)
    check_writable(NUMBERS)
    looking = load_model(LOOKING).to(chosen)
    images = photographs("imagenette160_train")
    for name in names:
        plan = PLANS[name]
        recipe = plan.recipe if epochs is None else replace(plan.recipe, epochs=epochs, snapshots=())
        model, loss = untrained(plan, looking, out)
        samples = TensorSamples((images,), (Flip(),))
        folder = out / (name if epochs is None else f"trial-{name}-{epochs}")
        model = model.to(chosen).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]  (documented)
        found = train(model, samples, loss, recipe, folder=folder, progress=True, checkpoint_seconds=300)
        if epochs is None:
            made = {"machine": machine(chosen), "date": datetime.now(UTC).isoformat(timespec="seconds")}
            known = read_json(NUMBERS) if NUMBERS.exists() else {}
            write_json(NUMBERS, known | {name: kept(name, found, recipe) | made | {"versions": versions()}})


def kept(name: str, found: Training, recipe: TrainingRecipe) -> dict[str, Any]:
    """Write a trained generator and return its numbers."""
    network = found.model.averaged if isinstance(found.model, Adversaries) else found.model
    if not isinstance(network, Generator | VariationalAutoencoder):
        raise TypeError(type(network))
    path = TRAINED / f"{name}.safetensors"
    command = f"python -m {__spec__.name} --only {name}"
    save_generator(path, network, {"photographs": "imagenette160_train", "epochs": recipe.epochs, "command": command})
    return {
        "command": command,
        "recipe": asdict(recipe),
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "bytes": path.stat().st_size,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "seconds": found.seconds,
        "losses": [float(part.mean()) for part in found.history.tensor_split(min(WINDOWS, len(found.history)))],
    }


def untrained(plan: Plan, looking: nn.Module, out: Path) -> tuple[nn.Module, Loss]:
    """Return what is trained, and to which loss.

    Raises:
        BadInput: the autoencoder, which gives the adversaries' generator, is not trained yet.
    """
    torch.manual_seed(plan.recipe.seed)
    autoencoder = VariationalAutoencoder()
    if not plan.adversarial:
        return autoencoder, AutoencoderLoss(looking)
    load_weights(autoencoder, out / "vae" / "state.safetensors")
    generator = autoencoder.generator.requires_grad_()
    return Adversaries(Discriminator(looking), generator), adversarial_loss


@cache
def numbers() -> Mapping[str, Any]:
    """Return what was measured, as committed: name of the generator -> its numbers.

    Raises:
        BadInput: there is no such file.
    """
    return read_json(NUMBERS)


@cache
def photographs(asset: str) -> Images:
    """Return all photographs of an asset that can be read, ``(n, 3, 64, 64)`` in bytes."""
    read = [read_square(path, SIZE) for path in sorted(fetch(asset).values())]
    return torch.cat([(255 * image).round().byte() for image in read if isinstance(image, torch.Tensor)])


def main(
    out: Annotated[Path, typer.Option(help="Folder for checkpoints.")] = Path("results/study"),
    only: Annotated[list[str] | None, typer.Option(help="A training; all by default.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="A trial of so many epochs.")] = None,
    device: str = "auto",
) -> None:
    """Train the generators."""
    try:
        run(tuple(only or PLANS), out / "learned_priors", epochs, device)
    except InnerviewError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from error
    except KeyboardInterrupt:
        print("stopped; the same command goes on", file=sys.stderr)
        raise typer.Exit(130) from None


if __name__ == "__main__":
    typer.run(main)
