"""Weight files, read from files that a test writes."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from innerview.core.errors import BadInput
from innerview.models.googlenet import WIDTHS, read_googlenet
from innerview.models.squeezenet import SqueezeNet, read_squeezenet
from innerview.models.vgg import BLOCKS, read_vgg19
from innerview.models.weights import caffe_convolution, caffe_linear, read_array, read_tfjs


def write(folder: Path, name: str, values: np.ndarray) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    values.astype("<f4").tofile(path)
    return path


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_bare_numbers_are_read_in_their_shape(tmp_path):
    values = numbers(2, 3, 4)
    np.testing.assert_array_equal(read_array(write(tmp_path, "x.bin", values), (2, 3, 4)), values)


@pytest.mark.parametrize("shape", [(2, 3, 5), (23,), (25,), ()])
def test_a_file_with_another_count_of_numbers_is_refused(tmp_path, shape):
    path = write(tmp_path, "x.bin", numbers(24))
    with pytest.raises(BadInput, match=r"holds 24 numbers, not .*; delete it and fetch it again") as caught:
        read_array(path, shape)
    assert str(path) in str(caught.value)


def caffe(folder: Path, name: str, out: int, size: int, inputs: int, seed: int = 0) -> dict[str, Path]:
    """Write a convolution as Caffe's release does: (out, y, x, in)."""
    return {
        f"{name}_filter.bin": write(folder, f"{name}_filter.bin", numbers(out, size, size, inputs, seed=seed)),
        f"{name}_bias.bin": write(folder, f"{name}_bias.bin", numbers(out, seed=seed + 1)),
    }


@pytest.mark.parametrize("inputs", [3, 5])
def test_a_convolution_is_filled_and_the_first_one_turned_from_bgr_to_rgb(tmp_path, inputs):
    files = caffe(tmp_path, "conv", 4, 3, inputs)
    layer = nn.Conv2d(inputs, 4, 3)
    caffe_convolution(layer, files, "conv")
    stored = numbers(4, 3, 3, inputs)
    for o, i, y, x in np.ndindex(4, inputs, 3, 3):
        assert layer.weight[o, i, y, x].item() == stored[o, y, x, inputs - 1 - i if inputs == 3 else i]
    assert layer.bias is not None
    np.testing.assert_array_equal(layer.bias.detach(), numbers(4, seed=1))


def test_several_convolutions_are_stacked_in_order(tmp_path):
    files = caffe(tmp_path, "a", 2, 1, 5, seed=10) | caffe(tmp_path, "b", 3, 1, 5, seed=20)
    stacked, a, b = nn.Conv2d(5, 5, 1), nn.Conv2d(5, 2, 1), nn.Conv2d(5, 3, 1)
    caffe_convolution(stacked, files, "a", "b")
    caffe_convolution(a, files, "a")
    caffe_convolution(b, files, "b")
    assert torch.equal(stacked.weight, torch.cat([a.weight, b.weight]))
    x = torch.rand(1, 5, 2, 2)
    torch.testing.assert_close(stacked(x), torch.cat([a(x), b(x)], dim=1))


def test_a_linear_layer_is_filled(tmp_path):
    files = caffe(tmp_path, "fc", 4, 1, 6)
    layer = nn.Linear(6, 4)
    caffe_linear(layer, files, "fc")
    np.testing.assert_array_equal(layer.weight.detach(), numbers(4, 1, 1, 6).reshape(4, 6))


def release(folder: Path, layers: Sequence[tuple[str, int, int, int]]) -> dict[str, Path]:
    return {key: path for name, *shape in layers for key, path in caffe(folder, name, *shape).items()}


def test_googlenet_reads_the_names_and_shapes_of_its_release(tmp_path):
    layers = [("conv1/7x7_s2", 64, 7, 3), ("conv2/3x3_reduce", 64, 1, 64), ("conv2/3x3", 192, 3, 64)]
    for block, width in WIDTHS.items():
        layers += [
            (f"inception_{block}/{name}", outputs, size, inputs)
            for name, outputs, size, inputs in (
                ("1x1", width.c1x1, 1, width.inputs),
                ("3x3_reduce", width.c3x3_reduce, 1, width.inputs),
                ("3x3", width.c3x3, 3, width.c3x3_reduce),
                ("5x5_reduce", width.c5x5_reduce, 1, width.inputs),
                ("5x5", width.c5x5, 5, width.c5x5_reduce),
                ("pool_proj", width.pool_proj, 1, width.inputs),
            )
        ]
    layers.append(("loss3/classifier", 1000, 1, 1024))
    model = read_googlenet(release(tmp_path, layers))
    entry = model.inception_4c.entry.weight
    np.testing.assert_array_equal(entry[128:256, :, 0, 0].detach(), numbers(128, 1, 1, 512)[:, 0, 0])  # 3x3_reduce
    np.testing.assert_array_equal(entry[256:, :, 0, 0].detach(), numbers(24, 1, 1, 512)[:, 0, 0])  # 5x5_reduce


def test_squeezenet_reads_the_names_and_shapes_of_its_release(tmp_path):
    layers = [
        (name.replace(".", "/"), layer.out_channels, layer.kernel_size[0], layer.in_channels)
        for name, layer in SqueezeNet().named_modules()
        if isinstance(layer, nn.Conv2d)
    ]
    assert ("fire2/squeeze1x1", 16, 1, 64) in layers
    assert len(layers) == 2 + 8 * 3
    model = read_squeezenet(release(tmp_path, layers))
    found = model.get_parameter("fire9.expand3x3.weight")
    np.testing.assert_array_equal(found.permute(0, 2, 3, 1).detach(), numbers(256, 3, 3, 64))


def tfjs(folder: Path, groups: list[tuple[list[dict], bytes, int]], prefix: str = "") -> dict[str, Path]:
    """Write a TensorFlow.js model: each group's entries, its bytes, and the bytes a shard."""
    manifest, files = [], {}
    for number, (entries, stream, cut) in enumerate(groups):
        shards = [stream[start : start + cut] for start in range(0, len(stream), cut)]
        names = [f"group{number}-shard{index + 1}of{len(shards)}" for index in range(len(shards))]
        manifest.append({"paths": names, "weights": entries})
        for name, shard in zip(names, shards, strict=True):
            (folder / name).write_bytes(shard)
            files[f"{prefix}{name}"] = folder / name
    (folder / "model.json").write_text(json.dumps({"weightsManifest": manifest}))
    return files | {f"{prefix}model.json": folder / "model.json"}


QUANTISED = {
    "name": "conv/kernel", "shape": [2, 2, 1, 1], "dtype": "float32",
    "quantization": {"dtype": "uint8", "scale": 0.5, "min": -1.0},
}  # fmt: skip
FINE = QUANTISED | {"name": "fine", "shape": [3], "quantization": {"dtype": "uint16", "scale": 0.25, "min": 2.0}}
EXACT = {"name": "conv/bias", "shape": [3], "dtype": "float32"}
STREAM = bytes([0, 1, 2, 255]) + np.array([1.5, -2.0, 3.25], "<f4").tobytes() + np.array([0, 4, 1000], "<u2").tobytes()
VALUES = {
    "conv/kernel": np.array([-1.0, -0.5, 0.0, 126.5], np.float32).reshape(2, 2, 1, 1),
    "conv/bias": np.array([1.5, -2.0, 3.25], np.float32),
    "fine": np.array([2.0, 3.0, 252.0], np.float32),
}


@pytest.mark.parametrize("cut", [1, 3, 7, len(STREAM) - 1, len(STREAM)])
@pytest.mark.parametrize("prefix", ["", "model/"])
def test_tensors_are_cut_from_one_stream_wherever_its_files_end(tmp_path, cut, prefix):
    found = read_tfjs(tfjs(tmp_path, [([QUANTISED, EXACT, FINE], STREAM, cut)], prefix), prefix)
    assert list(found) == list(VALUES)
    for name, wanted in VALUES.items():
        np.testing.assert_array_equal(found[name], wanted)
        assert found[name].dtype == np.float32


def test_each_group_is_a_stream_of_its_own(tmp_path):
    found = read_tfjs(tfjs(tmp_path, [([QUANTISED], STREAM[:4], 2), ([EXACT], STREAM[4:16], 5)]))
    np.testing.assert_array_equal(found["conv/kernel"], VALUES["conv/kernel"])
    np.testing.assert_array_equal(found["conv/bias"], VALUES["conv/bias"])


@pytest.mark.parametrize(("missing", "names"), [(1, []), (2, ["conv/kernel"]), (4, ["conv/kernel", "conv/bias"])])
def test_reading_ends_at_the_first_file_that_is_not_at_hand(tmp_path, missing, names):
    files = tfjs(tmp_path, [([QUANTISED, EXACT, FINE], STREAM, 6)])
    del files[f"group0-shard{missing}of4"]
    assert list(read_tfjs(files)) == names


def test_vgg_takes_exact_weights_before_rounded_ones_and_turns_the_first_to_rgb(tmp_path):
    """Both in TensorFlow's layout (y, x, in, out)."""
    folders = {"rounded": tmp_path / "rounded", "exact": tmp_path / "exact"}
    rounded, exact = [], []
    inputs = 3
    for block, (convolutions, outputs) in enumerate(BLOCKS, start=1):
        for index in range(1, convolutions + 1):
            name = f"block{block}_conv{index}"
            shapes = {f"{name}/kernel": [3, 3, inputs, outputs], f"{name}/bias": [outputs]}
            rounded += [
                {"name": name, "shape": shape, "dtype": "float32",
                 "quantization": {"dtype": "uint8", "scale": 1.0, "min": float(block)}}
                for name, shape in shapes.items()
            ]  # fmt: skip
            if block == 1:
                exact += [{"name": name, "shape": shape, "dtype": "float32"} for name, shape in shapes.items()]
            inputs = outputs
    for folder in folders.values():
        folder.mkdir()
    values = np.arange(sum(int(np.prod(entry["shape"])) for entry in exact), dtype="<f4")
    zeros = bytes(sum(int(np.prod(entry["shape"])) for entry in rounded))
    model = read_vgg19(
        tfjs(folders["rounded"], [(rounded, zeros, 1 << 20)]),
        tfjs(folders["exact"], [(exact, values.tobytes(), 1 << 20)]),
    )
    first = values[: 3 * 3 * 3 * 64].reshape(3, 3, 3, 64)
    np.testing.assert_array_equal(
        model.get_parameter("conv1_1.weight").detach(), first[:, :, ::-1].transpose(3, 2, 0, 1)
    )
    assert model.get_parameter("conv1_2.weight").max() > 5
    assert (model.get_parameter("conv5_4.weight") == 5).all()
