"""Files of networks of style: bits that come back, and foreign files that are refused."""

import json
from dataclasses import asdict

import pytest
import torch
from safetensors.torch import load_file, save_file

from innerview.core.errors import BadInput, NotFinite
from innerview.synthesis.style_files import INTAKE, load_style_network, save_style_network
from innerview.synthesis.style_networks import StyleArchitecture, StyleNetwork

KEY = "innerview style network"
THREE = StyleArchitecture(3, 1, "conditional", ("stars", "scream", "pebbles"))


def drawn(architecture=THREE):
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        return StyleNetwork(architecture)


@pytest.mark.parametrize("architecture", [THREE, StyleArchitecture(2, 1, "batch")], ids=["conditional", "batch"])
def test_a_file_gives_back_the_network(tmp_path, architecture):
    network = drawn(architecture)
    trained = {"loss network": "vgg19", "size": 128, "steps": 3}
    path = tmp_path / "new" / "network.safetensors"
    save_style_network(path, network, trained)
    loaded = load_style_network(path)
    assert loaded.architecture == architecture
    assert loaded.trained == trained
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    for name, value in network.state_dict().items():
        expected = value.half().float() if value.is_floating_point() else value
        assert torch.equal(loaded.state_dict()[name], expected)
        assert loaded.state_dict()[name].dtype == expected.dtype
    assert path.stat().st_size < 2 * sum(value.numel() for value in network.state_dict().values()) + 8000
    again = tmp_path / "again.safetensors"
    save_style_network(again, loaded, loaded.trained)
    assert again.read_bytes() == path.read_bytes()


def test_weights_beyond_float16_are_not_written(tmp_path):
    network = drawn()
    network.layers[0].conv.weight.data[0, 0, 0, 0] = 1e6  # pyright: ignore[reportAttributeAccessIssue, reportIndexIssue]
    with pytest.raises(NotFinite, match=r"layers.0.conv.weight .* float16"):
        save_style_network(tmp_path / "network.safetensors", network, {})
    assert not list(tmp_path.iterdir())


def header(**changes):
    return {KEY: json.dumps({"intake": INTAKE, "architecture": asdict(THREE), "trained": {}} | changes)}


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (None, "another normalization .*does not say what range"),
        ({"format": "pt"}, "another normalization .*does not say what range"),
        ({KEY: "[1]"}, "another normalization"),
        ({KEY: "{"}, "holds no style network"),
        (header(intake="RGB in [0, 255]"), r"another normalization \(it takes RGB in \[0, 255\]\)"),
        (header(architecture={"width": 3}), "does not say what network it holds"),
        (header(architecture=asdict(THREE) | {"depth": 3}), "does not say what network it holds"),
        (header(architecture=asdict(THREE) | {"width": 4}), "weights of another network"),
        (header(architecture=asdict(THREE) | {"styles": ["stars"]}), "weights of another network"),
    ],
)
def test_foreign_files_are_refused(tmp_path, metadata, message):
    path = tmp_path / "network.safetensors"
    save_file(drawn().half().state_dict(), path, metadata)
    with pytest.raises(BadInput, match=message) as caught:
        load_style_network(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_such_file_is_refused(tmp_path):
    pickled = tmp_path / "candy.pth"
    torch.save(drawn().state_dict(), pickled)
    for path in (pickled, tmp_path / "missing.safetensors", tmp_path):
        with pytest.raises(BadInput, match="holds no style network") as caught:
            load_style_network(path)
        assert "\n" not in str(caught.value)


def test_a_file_holds_float16(tmp_path):
    path = tmp_path / "network.safetensors"
    save_style_network(path, drawn(), {})
    assert {value.dtype for value in load_file(path).values()} == {torch.float16}
