"""Ctrl-C: it waits for the end of a step, which is kept; and what it may not hide."""

import os
import signal
import threading
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file
from training.small import RECIPE, STEPS, Stopping, assert_same_files, same

from innerview.training import Constant, TensorSamples, cross_entropy, train
from innerview.training.interrupts import interrupts_wait


@pytest.fixture(autouse=True)
def _interruptible():
    """A job in the background may have been started with Ctrl-C ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupted_at(step, times=1):
    """A loss during which Ctrl-C comes, so many times."""
    calls = iter(range(10**9))

    def loss(model, images, labels):
        if next(calls) == step:
            for _ in range(times):
                os.kill(os.getpid(), signal.SIGINT)
        return cross_entropy(model, images, labels)

    loss.__qualname__ = Stopping.__qualname__
    return loss


def test_the_step_under_way_is_finished_and_kept(tmp_path, network, samples):
    whole = train(network, samples, Stopping(STEPS), RECIPE, folder=tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(network, samples, interrupted_at(6), RECIPE, folder=tmp_path / "cut")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert len(load_file(tmp_path / "cut/state.safetensors")["losses"]) == 7
    assert len((tmp_path / "cut/log.jsonl").read_text().splitlines()) == 7
    last = Stopping(STEPS)
    resumed = train(network, samples, last, RECIPE, folder=tmp_path / "cut")
    assert last.left == 7
    assert same(whole.model, resumed.model)
    assert_same_files(tmp_path / "whole", tmp_path / "cut")


def test_a_second_one_does_not_wait_and_a_half_step_is_never_kept(tmp_path, network, samples):
    with pytest.raises(KeyboardInterrupt):
        train(network, samples, interrupted_at(6, times=2), RECIPE, folder=tmp_path)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert len(load_file(tmp_path / "state.safetensors")["losses"]) == 4  # the epoch's end


def test_weights_that_broke_do_not_hide_it_and_are_not_kept(tmp_path, network, samples):
    interrupted, steps = interrupted_at(6), iter(range(STEPS))

    def root(model, images, labels):
        """From the sixth step on, the gradient is infinite: the root of zero."""
        value = interrupted(model, images, labels)
        return value if next(steps) < 6 else value + (0 * model[0].weight.sum()).abs().sqrt()

    with pytest.raises(KeyboardInterrupt):
        train(network, samples, root, replace(RECIPE, schedule=Constant()), folder=tmp_path)
    state = load_file(tmp_path / "state.safetensors")
    assert len(state["losses"]) == 4
    assert all(torch.isfinite(tensor).all() for tensor in state.values())


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_what_ends_the_reading_leaves_the_steps_before(tmp_path, network, samples, workers, error):
    class Ending(TensorSamples):
        left = 7  # the first call tells which samples these are

        def batch(self, indices, generator):
            if len(indices) == RECIPE.batch:
                if Ending.left == 0:
                    raise error
                Ending.left -= 1
            return super().batch(indices, generator)

    ending = Ending(samples.tensors, samples.augmentations)
    with pytest.raises(error):
        train(network, ending, Stopping(99), RECIPE, folder=tmp_path, workers=workers)
    assert len(load_file(tmp_path / "state.safetensors")["losses"]) == 7


def interrupted(work):
    """Do some work after Ctrl-C came."""
    with interrupts_wait():
        os.kill(os.getpid(), signal.SIGINT)
        work()


def test_it_comes_at_the_end_of_the_block():
    done = []
    with pytest.raises(KeyboardInterrupt):
        interrupted(lambda: done.append("work"))
    assert done == ["work"]


def test_a_fault_in_the_block_comes_first():
    with pytest.raises(ZeroDivisionError):
        interrupted(lambda: 1 / 0)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_another_handler_is_called_and_one_that_ignores_stays():
    seen = []
    signal.signal(signal.SIGINT, lambda *given: seen.append(given[0]))
    try:
        interrupted(lambda: seen.append("work"))
        assert seen == ["work", signal.SIGINT]
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        interrupted(lambda: seen.append(signal.getsignal(signal.SIGINT)))
        assert seen == ["work", signal.SIGINT, signal.SIG_IGN]
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def test_a_training_in_a_thread_is_left_alone(network, samples):
    found = []
    thread = threading.Thread(target=lambda: found.append(train(network, samples, cross_entropy, RECIPE)))
    thread.start()
    thread.join()
    assert same(found[0].model, train(network, samples, cross_entropy, RECIPE).model)
