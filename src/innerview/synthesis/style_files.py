"""Files of networks of style: float16 weights, and in the header what they are and what they take."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from innerview.core.errors import BadInput, NotFinite
from innerview.core.files import written_whole
from innerview.models.classifier import frozen
from innerview.synthesis.style_networks import StyleArchitecture, StyleNetwork
from innerview.training import load_weights

INTAKE: Final = "RGB in [0, 1]"
KEY: Final = "innerview style network"
"""Of what a file's header says."""


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
    halves = {name: _half(name, tensor) for name, tensor in network.state_dict().items()}
    told = {"intake": INTAKE, "architecture": asdict(network.architecture), "trained": dict(trained)}
    with written_whole(path) as temporary:  # one key, since the order of several is not always the same
        temporary.write_bytes(save(halves, {KEY: json.dumps(told, ensure_ascii=False, allow_nan=False)}))


def load_style_network(path: str | Path) -> StyleNetwork:
    """Read a network that `save_style_network` wrote: frozen, float32, in evaluation mode, on the processor.

    Raises:
        BadInput: no such file, one of other origin, or one whose weights do not fit what it says of itself.
    """
    told = _header(path)
    try:
        architecture = StyleArchitecture(**told["architecture"] | {"styles": tuple(told["architecture"]["styles"])})
        network = StyleNetwork(architecture, told["trained"])
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(f"{path} does not say what network it holds ({error}); get the file again") from error
    load_weights(network, path)
    return frozen(network)


def _header(path: str | Path) -> dict[str, Any]:
    """Return what a file says of the network that it holds."""
    try:
        with safe_open(path, "pt") as file:
            told = json.loads((file.metadata() or {}).get(KEY, "{}"))
    except (SafetensorError, OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise BadInput(f"{path} is no network of style ({why}); give a file of save_style_network") from error
    intake = told.get("intake") if isinstance(told, dict) else None
    if intake != INTAKE:
        other = f"it takes {intake}" if intake else "it does not say what range of pixels it takes"
        raise BadInput(f"{path} is a network trained at another normalization ({other}); give one that takes {INTAKE}")
    return told


def _half(name: str, tensor: Tensor) -> Tensor:
    if not tensor.is_floating_point():
        return tensor.cpu()
    half = tensor.to("cpu", torch.float16, memory_format=torch.contiguous_format)
    if not torch.isfinite(half).all():
        raise NotFinite(f"{name} is NaN, or infinite in float16; train the network anew at a lower learning rate")
    return half
