"""Reading the published weight files, without unpickling anything."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from innerview.core.errors import BadInput


def read_array(path: Path, shape: tuple[int, ...], dtype: str = "<f4") -> np.ndarray:
    """Read a file of bare numbers.

    Raises:
        BadInput: the file holds another count of numbers than `shape`.
    """
    values = np.fromfile(path, dtype=dtype)
    if values.size != int(np.prod(shape)):
        raise BadInput(f"{path} holds {values.size} numbers, not {shape}; delete it and fetch it again")
    return values.reshape(shape)


def caffe_convolution(layer: nn.Module, files: Mapping[str, Path], *names: str) -> None:
    """Fill a convolution from files ``NAME_filter.bin`` (out, y, x, in) and ``NAME_bias.bin``; several are stacked.

    The first layer's filters, made for BGR, are turned to RGB.
    """
    assert isinstance(layer, nn.Conv2d), layer
    outputs, inputs, height, width = layer.weight.shape
    biases = [np.fromfile(files[f"{name}_bias.bin"], dtype="<f4") for name in names]
    filters = [
        read_array(files[f"{name}_filter.bin"], (bias.size, height, width, inputs))
        for name, bias in zip(names, biases, strict=True)
    ]
    weight = torch.from_numpy(np.concatenate(filters)).permute(0, 3, 1, 2)
    assert len(weight) == outputs, names
    fill(layer, rgb_first(weight), torch.from_numpy(np.concatenate(biases)))


def caffe_linear(layer: nn.Linear, files: Mapping[str, Path], name: str) -> None:
    """Fill a linear layer from files ``NAME_filter.bin`` (out, in) and ``NAME_bias.bin``."""
    weight = read_array(files[f"{name}_filter.bin"], (layer.out_features, layer.in_features))
    fill(
        layer, torch.from_numpy(weight), torch.from_numpy(read_array(files[f"{name}_bias.bin"], (layer.out_features,)))
    )


def rgb_first(weight: Tensor) -> Tensor:
    """Reverse the input channels of a first layer ``(out, 3, y, x)``; leave other layers alone."""
    return weight.flip(1) if weight.shape[1] == 3 else weight


def fill(layer: nn.Conv2d | nn.Linear, weight: Tensor, bias: Tensor) -> None:
    """Copy weight and bias into a layer."""
    with torch.no_grad():
        layer.weight.copy_(weight)
        assert layer.bias is not None
        layer.bias.copy_(bias)


def read_tfjs(folder_files: Mapping[str, Path], prefix: str = "") -> dict[str, np.ndarray]:
    """Read the tensors of a TensorFlow.js model whose files are at hand, dequantised.

    Weights lie in the order of ``model.json`` in groups of files; a group is one stream of bytes. Reading ends at the
    first tensor whose file is not among `folder_files`.

    Args:
        folder_files: Key -> path; keys are the manifest's paths behind `prefix`.
        prefix: What stands before them.

    Returns:
        Name such as ``block1_conv1/kernel`` -> float32 array in TensorFlow's layout (y, x, in, out).
    """
    manifest = json.loads(folder_files[f"{prefix}model.json"].read_text(encoding="utf-8"))["weightsManifest"]
    tensors: dict[str, np.ndarray] = {}
    for group in manifest:
        paths = [folder_files.get(f"{prefix}{path}") for path in group["paths"]]
        at_hand = paths[: paths.index(None)] if None in paths else paths
        stream = b"".join(path.read_bytes() for path in at_hand if path is not None)
        _cut(stream, group["weights"], tensors)
    return tensors


def _cut(stream: bytes, entries: list[dict[str, Any]], tensors: dict[str, np.ndarray]) -> None:
    start = 0
    for entry in entries:
        quantization = entry.get("quantization")
        dtype = np.dtype(quantization["dtype"] if quantization else entry["dtype"])
        end = start + int(np.prod(entry["shape"])) * dtype.itemsize
        if end > len(stream):
            return
        values = np.frombuffer(stream[start:end], dtype=dtype).reshape(entry["shape"]).astype(np.float32)
        tensors[entry["name"]] = values * quantization["scale"] + quantization["min"] if quantization else values
        start = end
