"""Where to compute, and how far it is."""

import io

import pytest
import torch

from innerview.core.devices import choose_device
from innerview.core.errors import BadInput, InnerviewError, LayerNotFound, OutputError, near
from innerview.core.progress import progress


def test_the_processor_can_always_be_had():
    assert choose_device("cpu") == torch.device("cpu")


def test_auto_takes_a_device_that_is_there():
    device = choose_device()
    assert torch.ones(2, device=device).sum().item() == 2
    if torch.cuda.is_available():
        assert device.type == "cuda"


@pytest.mark.parametrize("name", ["gpu", "", "CPU", "cud", ":0"])
def test_an_unknown_device_is_refused_with_those_there_are(name):
    with pytest.raises(BadInput, match="choose one of auto, cpu, cuda, mps") as caught:
        choose_device(name)
    assert repr(name) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "there"), [("cuda", torch.cuda.is_available()), ("mps", torch.backends.mps.is_available())]
)
def test_a_device_that_this_machine_lacks_is_refused(name, there):
    if there:
        pytest.skip(f"this machine has {name}")
    with pytest.raises(BadInput, match=f"no '{name}' device; choose cpu"):
        choose_device(f"{name}:1")


@pytest.mark.parametrize("name", ["cpu:x", "cpu:"])
def test_a_number_of_a_card_that_is_none_is_refused(name):
    with pytest.raises(BadInput, match="unknown device"):
        choose_device(name)


def test_progress_passes_the_items_on_and_says_what_and_how_far():
    said = io.StringIO()
    assert list(progress(range(3), "Dreaming", file=said, mininterval=0)) == [0, 1, 2]
    assert "Dreaming" in said.getvalue()
    assert "3/3" in said.getvalue()


def test_hidden_progress_says_nothing():
    said = io.StringIO()
    assert list(progress(range(3), "Dreaming", show=False, file=said)) == [0, 1, 2]
    assert said.getvalue() == ""


def test_near_names_are_named_best_first():
    assert near("inception_4", ["conv1", "inception_4c", "pool5"]) == "; near ones: inception_4c"
    assert near("relu4_2", [f"relu4_{index}" for index in range(1, 5)], most=2).startswith("; near ones: relu4_2, ")
    assert near("relu4_2", [f"relu4_{index}" for index in range(1, 5)], most=2).count("relu") == 2


@pytest.mark.parametrize("names", [[], ["conv1", "pool5"]])
def test_where_nothing_is_near_nothing_is_said(names):
    assert near("zebra", names) == ""


@pytest.mark.parametrize(
    ("error", "base"), [(LayerNotFound, ValueError), (BadInput, ValueError), (OutputError, OSError)]
)
def test_errors_are_ours_and_what_python_calls_them(error, base):
    raised = error("one line")
    assert isinstance(raised, InnerviewError)
    assert isinstance(raised, base)
    assert str(raised) == "one line"
