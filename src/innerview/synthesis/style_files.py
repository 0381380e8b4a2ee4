"""Files of networks of style: float16 weights, and in the header what they are and what they take."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from innerview.core.errors import BadInput
from innerview.models.classifier import frozen
from innerview.synthesis.network_files import read_told, save_network
from innerview.synthesis.style_networks import StyleArchitecture, StyleNetwork
from innerview.training import load_weights

INTAKE: Final = "RGB in [0, 1]"
KIND: Final = "style network"


def save_style_network(path: str | Path, network: StyleNetwork, trained: Mapping[str, Any]) -> None:
    """Write a network as safetensors: weights in float16, and all else in the header.

    Args:
        path: Of the file; it is written whole or not at all.
        network: What is written.
        trained: How the weights came about, in what JSON holds: loss network, size, steps, command.

    Raises:
        NotFinite: a weight is NaN or infinite, or beyond what float16 holds.
        OutputError: the file cannot be written there.
    """
    told = {"intake": INTAKE, "architecture": asdict(network.architecture), "trained": dict(trained)}
    save_network(path, network, KIND, told)


def load_style_network(path: str | Path) -> StyleNetwork:
    """Read a network that `save_style_network` wrote: frozen, float32, in evaluation mode, on the processor.

    Raises:
        BadInput: no such file, one of other origin, or one whose weights do not fit what it says of itself.
    """
    told = read_told(path, KIND)
    intake = told.get("intake") if isinstance(told, dict) else None
    if intake != INTAKE:
        other = f"it takes {intake}" if intake else "it does not say what range of pixels it takes"
        raise BadInput(f"{path} is a network trained at another normalization ({other}); give one that takes {INTAKE}")
    try:
        architecture = StyleArchitecture(**told["architecture"] | {"styles": tuple(told["architecture"]["styles"])})
        network = StyleNetwork(architecture, told["trained"])
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(f"{path} does not say what network it holds ({error}); get the file again") from error
    load_weights(network, path)
    return frozen(network)
