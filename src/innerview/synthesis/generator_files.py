"""The generators that come with Innerview, and files of others."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from innerview.core.errors import BadInput, near
from innerview.models.classifier import frozen
from innerview.synthesis.generators import Generator, GeneratorArchitecture, VariationalAutoencoder
from innerview.synthesis.network_files import read_told, save_network
from innerview.training import load_weights

TRAINED: Final = Path(__file__).with_name("trained")
"""Holds those that come with Innerview; ``replication/methods/learned_priors/study.py`` trains them."""

KINDS: Final = {"generator": Generator, "variational autoencoder": VariationalAutoencoder}


def generator_path(name: str) -> Path:
    """Return the file of a generator that comes with Innerview: ``gan`` or ``vae``.

    Raises:
        BadInput: no generator has this name.
    """
    known = sorted(path.stem for path in TRAINED.glob("*.safetensors"))
    if name not in known:
        raise BadInput(f"no generator is called {name!r}{near(name, known)}; there are {', '.join(known)}")
    return TRAINED / f"{name}.safetensors"


def load_generator(name: str | Path) -> Generator:
    """Read a generator: frozen, float32, in evaluation mode, on the processor.

    Args:
        name: ``gan`` or ``vae``, which were trained on 3000 photographs of ten classes, or a file that `save_generator`
            wrote. Of an autoencoder it is the part that decodes.

    Raises:
        BadInput: no such generator, or a file that does not fit what it says of itself.
    """
    network = _load(name)
    return network.generator if isinstance(network, VariationalAutoencoder) else network


def load_autoencoder(name: str | Path = "vae") -> VariationalAutoencoder:
    """Read a variational autoencoder; see `load_generator`.

    Raises:
        BadInput: as for `load_generator`, or the file holds a generator alone.
    """
    network = _load(name)
    if isinstance(network, Generator):
        raise BadInput(f"{name} is a generator without an encoder; take the variational autoencoder, 'vae'")
    return network


def save_generator(path: str | Path, network: Generator | VariationalAutoencoder, trained: Mapping[str, Any]) -> None:
    """Write a generator, or an autoencoder, as safetensors: weights in float16, and all else in the header.

    Args:
        path: Of the file; it is written whole or not at all.
        network: What is written.
        trained: How the weights came about, in what JSON holds: data, recipe, command.

    Raises:
        NotFinite: a weight is NaN or infinite, or beyond what float16 holds.
        OutputError: the file cannot be written there.
    """
    generator = network if isinstance(network, Generator) else network.generator
    kind = next(kind for kind, made in KINDS.items() if isinstance(network, made))
    told = {"kind": kind, "architecture": asdict(generator.architecture), "trained": dict(trained)}
    save_network(path, network, "generator", told)


def _load(name: str | Path) -> Generator | VariationalAutoencoder:
    path = Path(name) if Path(name).suffix else generator_path(str(name))
    told = read_told(path, "generator")
    try:
        widths = tuple(told["architecture"]["widths"])
        network = KINDS[told["kind"]](GeneratorArchitecture(**told["architecture"] | {"widths": widths}))
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(f"{path} does not say what generator it holds ({error}); get the file again") from error
    load_weights(network, path)
    return frozen(network)
