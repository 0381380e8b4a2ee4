"""Files of networks that were trained here: float16 weights, and a header that says what they are and how made."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from innerview.core.errors import BadInput, NotFinite
from innerview.core.files import written_whole
from innerview.core.store import CONTENT, fingerprint, read_tensors


def save_network(path: str | Path, network: nn.Module, kind: str, told: Mapping[str, Any]) -> None:
    """Write a network as safetensors: weights in float16, and all else in the header.

    Args:
        path: Of the file; it is written whole or not at all.
        network: What is written.
        kind: Of network; only a reader of the same kind takes the file.
        told: What the header says of it, in what JSON holds.

    Raises:
        NotFinite: a weight is NaN or infinite, or beyond what float16 holds.
        OutputError: the file cannot be written there.
    """
    halves = {name: _half(name, tensor) for name, tensor in network.state_dict().items()}
    header = _json({**told, CONTENT: fingerprint(_json(told), halves)})
    with written_whole(path) as temporary:
        temporary.write_bytes(save(halves, {_key(kind): header}))  # one key: several have no fixed order


def read_told(path: str | Path, kind: str) -> Any:
    """Return what a file's header says of the network that it holds, or an empty dictionary if nothing.

    Raises:
        BadInput: no such file, one without a header that can be read, or one that is not what was written.
    """
    try:
        with safe_open(path, "pt") as file:
            told = json.loads((file.metadata() or {}).get(_key(kind), "{}"))
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        why = getattr(error, "strerror", None) or error
        raise BadInput(f"{path} holds no {kind} ({why}); give a file that Innerview wrote of one") from error
    if not isinstance(told, dict) or CONTENT not in told:  # older files
        return told
    if told.pop(CONTENT) != fingerprint(_json(told), read_tensors(path)):
        raise BadInput(f"{path} is damaged: it is not what was written; copy it again, or make it again")
    return told


def _json(told: Mapping[str, Any]) -> str:
    return json.dumps(told, ensure_ascii=False, allow_nan=False)


def _key(kind: str) -> str:
    return f"innerview {kind}"


def _half(name: str, tensor: Tensor) -> Tensor:
    if not tensor.is_floating_point():
        return tensor.cpu()
    half = tensor.to("cpu", torch.float16, memory_format=torch.contiguous_format)
    if not torch.isfinite(half).all():
        raise NotFinite(f"{name} is NaN, or infinite in float16; train the network anew at a lower learning rate")
    return half
