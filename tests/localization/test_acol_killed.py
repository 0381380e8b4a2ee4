"""A training of ACoL that was killed goes on to the same bits."""

import signal
from multiprocessing import get_context

import pytest
import torch
from localization.killed import PER_EPOCH, be_killed, finish
from safetensors.torch import load_file

from innerview.core.errors import BadInput
from innerview.localization import AcolHeads
from innerview.training import load_weights


def test_killed_in_its_second_epoch_it_ends_with_the_same_weights(tmp_path):
    process = get_context("spawn").Process(target=be_killed, args=(str(tmp_path),))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert len(load_file(tmp_path / "state.safetensors")["losses"]) == PER_EPOCH  # the first epoch's end was saved
    resumed, whole = finish(str(tmp_path)).model.state_dict(), finish(None).model.state_dict()
    assert list(resumed) == list(whole)
    assert all(torch.equal(resumed[name], whole[name]) for name in whole)


def test_its_weights_do_not_fit_another_architecture(tmp_path):
    heads = finish(str(tmp_path)).model.heads
    assert isinstance(heads, AcolHeads)
    for other in (AcolHeads(6, 3, width=7), AcolHeads(6, 3, width=5, delta=None), AcolHeads(6, 4, width=5)):
        before = {name: tensor.clone() for name, tensor in other.state_dict().items()}
        with pytest.raises(BadInput, match="holds weights of another network"):
            load_weights(other, tmp_path / "state.safetensors")
        assert all(torch.equal(before[name], tensor) for name, tensor in other.state_dict().items())
