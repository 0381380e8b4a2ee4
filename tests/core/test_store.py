"""Results on disk: found again exactly if all that made them is unchanged."""

import copy
import dataclasses
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from innerview.core.errors import BadInput
from innerview.core.store import CONTENT, Store, fingerprint, read_tensors
from innerview.models import as_classifier


@dataclasses.dataclass(frozen=True)
class Config:
    layer: str = "inception_4c"
    steps: int = 10
    weights: torch.Tensor = dataclasses.field(default_factory=lambda: torch.arange(3.0))


@dataclasses.dataclass(frozen=True)
class OtherConfig(Config):
    pass


def network(seed: int = 0, pool: nn.Module | None = None) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2), pool or nn.MaxPool2d(2))


def altered(model: nn.Module, name: str) -> nn.Module:
    """Return a copy of a network in which one number differs."""
    other = copy.deepcopy(model)
    other.state_dict()[name].view(-1)[0] += 1e-3
    return other


TENSOR = torch.arange(6.0)
DIFFERENT = {
    "number": (1, 2),
    "small difference of a number": (0.1, 0.1 + 1e-16 * 2),
    "integer, float, truth, text": (1, 1.0, True, "1", b"1"),
    "nothing": (None, "None", 0, "", False),
    "text": ("a", "b", "A"),
    "text cut elsewhere": (("ab", "c"), ("a", "bc"), ("abc",)),
    "text that looks like our own marks": (("a", "b"), ("a'<str>'b",)),
    "order": ((1, 2), (2, 1)),
    "list, tuple": ([1, 2], (1, 2)),
    "nesting": ([[1], 2], [[1, 2]], [[1, [2]]], [1, 2], [[], 1, 2]),
    "nesting of mappings": ({"a": {"b": 1}, "c": 2}, {"a": {"b": 1, "c": 2}}),
    "mapping's key": ({"a": 1}, {"b": 1}),
    "mapping's value": ({"a": 1}, {"a": 2}),
    "tensor's value": (TENSOR, TENSOR + torch.tensor([0, 0, 0, 0, 0, 1e-6])),
    "tensor's shape": (TENSOR, TENSOR.reshape(2, 3), TENSOR.reshape(3, 2)),
    "tensor's type": (torch.zeros(4), torch.zeros(4, dtype=torch.int32), torch.zeros(2, dtype=torch.float64)),
    "bfloat16": (torch.zeros(3, dtype=torch.bfloat16), torch.ones(3, dtype=torch.bfloat16)),
    "field": (Config(), Config(steps=11), Config(layer="inception_4d")),
    "tensor in a field": (Config(), Config(weights=torch.arange(3.0) + 1)),
    "class of the configuration": (Config(), OtherConfig()),
    "configuration in a list in a mapping": ({"a": [Config()]}, {"a": [Config(steps=11)]}),
    "weight": (network(), network(1), altered(network(), "0.weight"), altered(network(), "0.bias")),
    "buffer": (network(), altered(network(), "1.running_mean")),
    "pooling": (network(), network(pool=nn.AvgPool2d(2)), network(pool=nn.MaxPool2d(3))),
    "normalization": (
        as_classifier(network()),
        as_classifier(network(), mean=(0.5,)),
        as_classifier(network(), std=(1.0,)),
    ),
    "function": (fingerprint, copy.copy, copy.deepcopy),
    "class": (Config, OtherConfig, Store),
}


@pytest.mark.parametrize("parts", DIFFERENT.values(), ids=list(DIFFERENT))
def test_any_changed_part_gives_another_name(parts):
    assert len({fingerprint(part) for part in parts}) == len(parts)


EQUAL = {
    "text": lambda: "text",
    "tensor": lambda: torch.arange(6.0),
    "mapping": lambda: {"a": [1, None, Config()]},
    "network": network,
    "classifier": lambda: as_classifier(network()),
}


@pytest.mark.parametrize("make", EQUAL.values(), ids=list(EQUAL))
def test_equal_parts_give_the_same_name(make):
    assert fingerprint(make()) == fingerprint(make())
    assert len(fingerprint(make())) == 16


def test_what_does_not_change_the_content_does_not_change_the_name(tmp_path):
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    grid = torch.rand(2, 3, 4, 5)
    assert fingerprint(grid) == fingerprint(grid.contiguous(memory_format=torch.channels_last))
    assert fingerprint(grid) == fingerprint(grid.clone().requires_grad_())
    for name in ("first.bin", "second.bin"):
        (tmp_path / name).write_bytes(b"content")
    assert fingerprint(tmp_path / "first.bin") == fingerprint(tmp_path / "second.bin")


def test_a_name_is_the_same_in_every_program():
    """Golden: stored results of an interrupted run are found by the next one."""
    assert fingerprint("text", 1, 0.5, None, [True], {"a": (1, 2)}) == "36c7766ff62a5cba"


def test_the_content_of_a_file_counts(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"one")
    first = fingerprint(path)
    path.write_bytes(b"two")
    assert fingerprint(path) != first


def test_a_printed_address_does_not_count():
    class Printed(nn.Module):
        def extra_repr(self) -> str:
            return f"activation={object()!r}"

    one, two = Printed(), Printed()
    kept = object()  # so that the next `object()` lies elsewhere
    assert repr(one) != repr(two) or kept
    assert fingerprint(one) == fingerprint(two)


@pytest.mark.parametrize("part", [{1, 2}, object(), 1j, iter([1])])
def test_a_part_that_cannot_be_named_is_refused(part):
    with pytest.raises(BadInput, match=f"cannot fingerprint a {type(part).__name__}"):
        fingerprint([part])


class Counted:
    """Computes a result and counts how often."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> dict[str, torch.Tensor]:
        self.times += 1
        return {"values": torch.arange(5.0), "other": torch.tensor(self.times)}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "parts")


def test_a_result_is_computed_once_and_found_by_the_next_program(store):
    compute = Counted()
    first = store.keep("part", compute, "settings", 1)
    again = Store(store.folder).keep("part", compute, "settings", 1)
    assert compute.times == 1
    assert torch.equal(first["values"], torch.arange(5.0))
    assert first.keys() == again.keys()
    assert all(torch.equal(first[key], again[key]) for key in first)
    store.keep("part", compute, "settings", 2)
    store.keep("another", compute, "settings", 1)
    assert compute.times == 3


@pytest.mark.parametrize("damage", [lambda whole: whole[:-3], lambda _: b"", lambda whole: b"\xff" * len(whole)])
def test_a_damaged_file_is_made_again(store, damage):
    compute = Counted()
    store.keep("part", compute, 1)
    path = store.path("part", 1)
    path.write_bytes(damage(path.read_bytes()))
    assert store.load(path) is None
    assert store.keep("part", compute, 1)["other"] == 2
    assert store.keep("part", compute, 1)["other"] == 2


def test_a_flip_of_any_bit_is_seen(store):
    """In the header as in the numbers."""
    path = store.path("part")
    store.save(path, {"a": torch.tensor([[1.0], [2.0]])})
    whole = path.read_bytes()
    for bit in range(8 * len(whole)):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        assert store.load(path) is None, bit
    path.write_bytes(whole)
    assert store.load(path) is not None


def test_a_flip_of_any_bit_gives_no_other_weights(tmp_path):
    """Files that are read on their own: the hash may become unreadable, the numbers never other ones."""
    path = Store(tmp_path).path("part")
    numbers = torch.tensor([[1.0], [2.0]])
    Store(tmp_path).save(path, {"a": numbers})
    whole = path.read_bytes()
    refused = 0
    for bit in range(8 * len(whole)):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        try:
            read = read_tensors(path)
        except BadInput:
            refused += 1
        else:
            assert torch.equal(read["a"], numbers), bit
    assert refused >= 8 * numbers.nbytes


def test_a_file_without_a_hash_is_read_as_it_is(tmp_path):
    save_file({"a": torch.ones(2)}, tmp_path / "other.safetensors")
    assert torch.equal(read_tensors(tmp_path / "other.safetensors")["a"], torch.ones(2))


def test_a_file_cut_off_anywhere_is_no_result(store):
    path = store.path("part")
    store.save(path, {"a": torch.tensor([[1.0], [2.0]])})
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert store.load(path) is None, length


@pytest.mark.parametrize("place", [0, 8, 60, 0.5, -1], ids=["length", "brace", "hash", "middle", "last"])
def test_a_result_with_a_flipped_bit_is_made_again(store, place):
    compute = Counted()
    wanted = store.keep("part", compute, 1)["values"].clone()  # what was loaded is the file's memory
    path = store.path("part", 1)
    flipped = bytearray(path.read_bytes())
    flipped[int(place * len(flipped)) if isinstance(place, float) else place] ^= 1
    path.write_bytes(flipped)
    again = store.keep("part", compute, 1)
    assert again["other"] == 2
    assert torch.equal(again["values"], wanted)
    assert store.keep("part", compute, 1)["other"] == 2


@pytest.mark.parametrize("metadata", [None, {}, {"format": "pt"}, {CONTENT: ""}])
def test_a_file_that_no_store_wrote_is_no_result(store, metadata):
    compute = Counted()
    path = store.path("part", 1)
    store.folder.mkdir()
    save_file({"values": torch.ones(5)}, path, metadata)
    assert store.load(path) is None
    assert torch.equal(store.keep("part", compute, 1)["values"], torch.arange(5.0))


def test_a_folder_in_the_place_of_a_result_is_none(store):
    store.path("part").mkdir(parents=True)
    assert store.load(store.path("part")) is None


class Image(torch.Tensor):
    pass


def test_a_tensor_of_a_class_of_its_own_is_kept_as_a_plain_one(store):
    image = torch.rand(3, 2, 2).as_subclass(Image)
    stored = store.keep("part", lambda: {"image": image})["image"]
    assert type(stored) is torch.Tensor
    assert torch.equal(stored, image.as_subclass(torch.Tensor))


def test_an_absent_result_is_none(store):
    assert store.load(store.path("part")) is None
    assert not store.folder.exists()


def test_an_exception_while_computing_leaves_nothing(store):
    def fails() -> dict[str, torch.Tensor]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.keep("part", fails, 1)
    assert not store.folder.exists()


def test_tensors_of_any_kind_are_stored(store):
    whole = torch.rand(4, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    tensors = OrderedDict(
        whole=whole,
        part=whole[1:],  # shares its memory with `whole`
        twice=whole,
        turned=whole.transpose(0, 1),
        channels_last=whole.contiguous(memory_format=torch.channels_last),
        graph=whole.clone().requires_grad_() * 2,
        expanded=torch.ones(1).expand(3),
        empty=torch.zeros(0, 3),
        scalar=torch.tensor(7),
        truth=torch.tensor([True, False]),
    )
    stored = store.keep("part", lambda: tensors)
    assert stored.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert torch.equal(stored[name], tensor), name
        assert stored[name].dtype == tensor.dtype


@pytest.mark.parametrize("name", ["../../out", "/etc/out", "a\\b", "a:b", "..", "a\0b", "layer/4"])
def test_no_name_of_a_layer_leads_out_of_the_folder(tmp_path, name):
    store = Store(tmp_path / "store")
    store.keep(name, lambda: {"a": torch.zeros(1)})
    assert store.path(name).parent == tmp_path / "store"
    assert [path.parent for path in tmp_path.rglob("*.safetensors")] == [tmp_path / "store"]
