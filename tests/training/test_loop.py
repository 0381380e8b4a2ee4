"""The loop: the same bits however often it is stopped, and a clear end where numbers end."""

import copy
import itertools
import json
import signal
from dataclasses import replace
from multiprocessing import get_context

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F
from training.small import (
    ENDING,
    MOMENTUM,
    RECIPE,
    STEPS,
    TOGETHER,
    Judge,
    Stopping,
    assert_same_files,
    be_killed,
    finish,
    plain_network,
    plain_samples,
    same,
    small_network,
    small_samples,
    take_part,
)

from innerview.core.errors import BadInput, NotFinite, OutputError
from innerview.core.seeds import generator
from innerview.training import Constant, Cosine, TensorSamples, accuracy, cross_entropy, train
from innerview.training.samples import order


def test_it_equals_a_loop_written_out(network, samples):
    """Without dropout: its draws are the loop's own."""
    network[3] = nn.Identity()
    images, labels = samples.tensors
    model = copy.deepcopy(network).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0, momentum=0.9, nesterov=True)
    losses = []
    for step in range(STEPS):
        chosen = order(22, 3, step // 4)[step % 4 * 5 : step % 4 * 5 + 5]
        batch, source = images[chosen], generator("augmentation", 3, step, 0)
        for change in samples.augmentations:
            batch = change(batch, source)
        loss = F.cross_entropy(model(batch / 255), labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.param_groups[0]["lr"] = 0.01 * Cosine(0.2)(step / STEPS)
        optimizer.step()
        losses.append(float(loss.detach()))
    result = train(network, samples, cross_entropy, MOMENTUM)
    assert result.history.tolist() == losses
    assert same(result.model, model)


def test_the_model_given_and_the_programs_randomness_are_left_alone(network, samples):
    before, state = copy.deepcopy(network), torch.random.get_rng_state()
    result = train(network, samples, cross_entropy, RECIPE)
    assert same(network, before)
    assert network.training
    assert torch.equal(torch.random.get_rng_state(), state)
    assert not same(result.model, before)
    assert not any(module.training for module in result.model.modules())
    assert not any(parameter.requires_grad for parameter in result.model.parameters())


def test_it_lowers_the_loss(network, samples):
    result = train(network, samples, cross_entropy, replace(RECIPE, epochs=30))
    assert float(result.history[-8:].mean()) < float(result.history[:8].mean()) - 0.3


@pytest.mark.parametrize("recipe", [RECIPE, MOMENTUM], ids=["adam", "sgd"])
def test_the_same_call_gives_the_same_bits_whatever_the_program_draws(network, samples, recipe):
    first = train(network, samples, cross_entropy, recipe)
    torch.manual_seed(99)
    assert same(first.model, train(network, samples, cross_entropy, recipe).model)
    assert not same(first.model, train(network, samples, cross_entropy, replace(recipe, seed=4)).model)


# Stopped and resumed


@pytest.mark.parametrize("recipe", [RECIPE, MOMENTUM], ids=["adam", "sgd"])
@pytest.mark.parametrize("seconds", [0.0, 3600.0], ids=["every step saved", "every epoch saved"])
def test_a_training_stopped_again_and_again_ends_with_the_same_bits(tmp_path, network, samples, recipe, seconds):
    recipe = replace(recipe, snapshots=(0, 0.5, 1, 4))
    whole = train(network, samples, Stopping(10**9), recipe, folder=tmp_path / "whole")
    for calls in (1, 3, 0, 5) if seconds == 0 else (7,):
        with pytest.raises(KeyboardInterrupt):
            train(network, samples, Stopping(calls), recipe, folder=tmp_path / "cut", checkpoint_seconds=seconds)
    last = Stopping(STEPS)
    resumed = train(network, samples, last, recipe, folder=tmp_path / "cut")
    assert last.left == (9 if seconds == 0 else 4)  # what was saved is not done twice
    assert same(whole.model, resumed.model)
    assert torch.equal(whole.history, resumed.history)
    assert_same_files(tmp_path / "whole", tmp_path / "cut")


def test_a_finished_training_is_read_not_repeated(tmp_path, network, samples):
    first = train(network, samples, Stopping(STEPS), RECIPE, folder=tmp_path)
    again = train(network, samples, Stopping(0), RECIPE, folder=tmp_path)
    assert same(first.model, again.model)
    assert torch.equal(first.history, again.history)


def test_a_killed_process_is_continued_with_the_same_bits(tmp_path):
    """All in fresh processes: what ran before in one may change the kernels that torch takes, and so the last bits."""

    def run(target, folder, *calls):
        process = get_context("spawn").Process(target=target, args=(str(tmp_path / folder), *calls))
        process.start()
        process.join()
        return process.exitcode

    for steps, judgements, saved in ((9, 9, 9), (99, 0, 11), (99, 1, 15)):  # in a step, in a validation, in the last
        assert run(be_killed, "cut", steps, judgements) == -signal.SIGKILL
        assert len(load_file(tmp_path / "cut/state.safetensors")["losses"]) == saved
    assert run(finish, "whole") == 0
    assert run(finish, "cut") == 0
    assert_same_files(tmp_path / "whole", tmp_path / "cut")
    assert len(load_file(tmp_path / "cut/state.safetensors")["losses"]) == STEPS < 4 * ENDING.epochs


def test_snapshots_are_the_weights_of_their_epochs(tmp_path, network, samples):
    recipe = replace(RECIPE, snapshots=(0, 1.5, 4))
    result = train(network, samples, cross_entropy, recipe, folder=tmp_path)
    assert sorted(path.name for path in tmp_path.glob("epoch-*")) == [
        f"epoch-{epoch}.safetensors" for epoch in ("0", "1.5", "4")
    ]
    copied = copy.deepcopy(network)
    copied.load_state_dict(result.snapshot(0))
    assert same(copied, network)
    with pytest.raises(KeyboardInterrupt):
        train(network, samples, Stopping(6), recipe, folder=tmp_path / "six", checkpoint_seconds=0)
    state = load_file(tmp_path / "six/state.safetensors")
    assert all(torch.equal(state[f"model.{name}"], tensor) for name, tensor in result.snapshot(1.5).items())
    copied.load_state_dict(result.snapshot(4))
    assert same(copied, result.model)
    with pytest.raises(BadInput, match="there is no snapshot of epoch 2; name it in the recipe's `snapshots`"):
        result.snapshot(2)


def test_the_log_tells_every_step(tmp_path, network, samples):
    result = train(network, samples, cross_entropy, RECIPE, folder=tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(STEPS))
    assert [line["epoch"] for line in lines] == [step / 4 for step in range(STEPS)]
    assert [line["loss"] for line in lines] == pytest.approx(result.history.tolist(), rel=1e-5)
    rates = [0.01 * RECIPE.schedule(step / STEPS) for step in range(STEPS)]
    assert [line["learning_rate"] for line in lines] == pytest.approx(rates, rel=1e-5)
    seconds = [line["seconds"] for line in lines]
    assert seconds == sorted(seconds)
    assert result.seconds == round(seconds[-1], 1)


def test_the_seconds_of_all_parts_count(tmp_path, network, samples):
    result = train(network, samples, cross_entropy, RECIPE, folder=tmp_path)
    parts = [1.0, 2.5, 0.5, 4.0]  # stopped after 2.5 seconds, then 4 more
    (tmp_path / "log.jsonl").write_text("".join(f'{{"seconds": {one}}}\n' for one in parts))
    assert result.seconds == 6.5
    with pytest.raises(BadInput, match="writes no log; give it a folder"):
        _ = replace(result, folder=None).seconds


# What ends a training


def broken_at(step, value):
    """A loss that is no number at one step."""
    calls = iter(range(10**9))

    def loss(model, images, labels):
        found = cross_entropy(model, images, labels)
        return found * value if next(calls) == step else found

    return loss


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_stops_at_its_step_and_the_last_good_state_stays(tmp_path, network, samples, value):
    batch = ", ".join(map(str, order(22, 3, 1)[10:15].tolist()))
    where = rf"at step 6 \(epoch 2, batch 3, samples {batch}\); lower the learning rate or check these samples"
    with pytest.raises(NotFinite, match=f"the loss became {value} {where}"):
        train(network, samples, broken_at(6, value), RECIPE, folder=tmp_path, checkpoint_seconds=0)
    state = load_file(tmp_path / "state.safetensors")
    assert len(state["losses"]) == 6
    assert all(torch.isfinite(tensor).all() for tensor in state.values())
    healed = train(network, samples, broken_at(-1, value), RECIPE, folder=tmp_path)
    assert same(healed.model, train(network, samples, cross_entropy, RECIPE).model)


def test_weights_that_are_no_numbers_are_never_saved(tmp_path, network, samples):
    """The loss is finite, its gradient is not: the root of zero."""

    def root(model, images, labels):
        return cross_entropy(model, images, labels) + (0 * model[0].weight.sum()).abs().sqrt()

    with pytest.raises(NotFinite, match=r"0\.weight is NaN or infinite after 1 steps"):
        train(network, samples, root, replace(RECIPE, schedule=Constant()), folder=tmp_path, checkpoint_seconds=0)
    assert not (tmp_path / "state.safetensors").exists()
    with pytest.raises(NotFinite):
        train(network, samples, root, replace(RECIPE, epochs=1))


CHANGED = {
    "recipe": lambda: {"recipe": replace(RECIPE, seed=8)},
    "optimiser": lambda: {"recipe": MOMENTUM},
    "weights": lambda: {"model": small_network(1)},
    "pictures": lambda: {"samples": small_samples(1)},
    "fewer samples": lambda: {"samples": TensorSamples(tuple(tensor[:20] for tensor in small_samples().tensors))},
    "loss": lambda: {"loss": Stopping(10**9)},
}


@pytest.mark.parametrize("change", CHANGED.values(), ids=list(CHANGED))
def test_another_training_in_the_folder_is_refused_and_left_alone(tmp_path, network, samples, change):
    asked = {"model": network, "samples": samples, "loss": cross_entropy, "recipe": RECIPE}
    train(**asked, folder=tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(BadInput, match=r"holds another training .* choose another folder or remove it"):
        train(**(asked | change()), folder=tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_folder_that_cannot_be_written_ends_it_before_the_first_step(tmp_path, network, samples):
    (tmp_path / "file").write_text("here")
    with pytest.raises(OutputError, match="is a file, not a folder"):
        train(network, samples, Stopping(0), RECIPE, folder=tmp_path / "file" / "training")
    (tmp_path / "state.safetensors").mkdir()
    with pytest.raises(OutputError, match="it is a folder"):
        train(network, samples, Stopping(0), RECIPE, folder=tmp_path)


def test_a_log_that_cannot_be_written_is_said(tmp_path, network, samples):
    (tmp_path / "log.jsonl").mkdir()
    with pytest.raises(OutputError, match=r"cannot write .*log\.jsonl"):
        train(network, samples, cross_entropy, RECIPE, folder=tmp_path)


def test_a_log_that_is_ahead_of_the_state_is_cut(tmp_path, network, samples):
    """As after a kill between the two."""
    whole = train(network, samples, Stopping(STEPS), RECIPE, folder=tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(network, samples, Stopping(6), RECIPE, folder=tmp_path / "cut", checkpoint_seconds=0)
    with (tmp_path / "cut/log.jsonl").open("a") as log:
        log.write('{"step": 6.0}\n{"st')
    resumed = train(network, samples, Stopping(STEPS), RECIPE, folder=tmp_path / "cut")
    assert same(whole.model, resumed.model)
    assert_same_files(tmp_path / "whole", tmp_path / "cut")


def test_what_cannot_be_trained_is_said_and_leaves_no_folder(tmp_path, network, samples):
    folder = tmp_path / "none"
    with pytest.raises(BadInput, match="22 samples make no batch of 23; lower the recipe's batch"):
        train(network, samples, cross_entropy, replace(RECIPE, batch=23), folder=folder)
    with pytest.raises(BadInput, match="no parameter of Sequential asks for gradients"):
        train(network.requires_grad_(False), samples, cross_entropy, RECIPE, folder=folder)
    assert not folder.exists()
    with pytest.raises(BadInput, match="snapshots are kept on disk; give the training a folder"):
        train(network.requires_grad_(), samples, cross_entropy, replace(RECIPE, snapshots=(1,)))


# Parts, precision, processes


def test_frozen_parts_keep_weights_and_statistics(network, samples):
    network[:2].requires_grad_(False)
    result = train(network, samples, cross_entropy, RECIPE)
    trained, before = result.model.state_dict(), network.state_dict()
    changed = {name for name in before if not torch.equal(before[name], trained[name])}
    assert changed == {"5.weight", "5.bias"}


def test_dropout_draws_anew_at_every_step(network, samples):
    seen = []

    def loss(model, images, labels):
        seen.append(torch.rand(()).item())
        return cross_entropy(model, images, labels)

    train(network, samples, loss, RECIPE)
    assert len(set(seen)) == STEPS


def test_no_epochs_give_the_model_back(tmp_path, network, samples):
    result = train(network, samples, cross_entropy, replace(RECIPE, epochs=0, snapshots=(0,)), folder=tmp_path)
    assert same(result.model, network)
    assert result.history.shape == (0,)
    assert set(result.snapshot(0)) == set(network.state_dict())


def test_mixed_precision_is_nearly_the_same(network, samples):
    network[3] = nn.Identity()
    plain, mixed = (
        train(network, samples, cross_entropy, replace(MOMENTUM, mixed=wanted)).history for wanted in (False, True)
    )
    assert not torch.equal(plain, mixed)
    torch.testing.assert_close(plain, mixed, rtol=0.05, atol=0.02)  # bfloat16 has 8 bits: 0.4 % a number


def test_it_is_quiet_unless_asked(network, samples, capsys):
    train(network, samples, cross_entropy, RECIPE)
    assert capsys.readouterr() == ("", "")
    train(network, samples, cross_entropy, RECIPE, progress=True)
    assert "training" in capsys.readouterr().err


def test_two_processes_train_as_one_does(tmp_path):
    other = get_context("spawn").Process(target=take_part, args=(1, str(tmp_path)))
    other.start()
    take_part(0, str(tmp_path))
    other.join()
    assert other.exitcode == 0
    judge = Judge(plain_network(), 0.0021)
    alone = train(plain_network(), plain_samples(), cross_entropy, TOGETHER, validate=judge)
    assert len(alone.history) == 9  # of 12
    for rank, name in itertools.product((0, 1), ("kept", "again", "not")):
        found = torch.load(tmp_path / f"{name}-{rank}.pt", weights_only=True)
        torch.testing.assert_close(found["history"], alone.history, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(found["model"], dict(alone.model.state_dict()), rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(found["measures"], dict(alone.measures), rtol=1e-4, atol=1e-6)
    assert [(tmp_path / f"calls-{rank}.txt").read_text() for rank in (0, 1)] == [
        "3",
        "0",
    ]  # left: the first alone judges
    for rank in (0, 1):
        assert "a batch of 5 cannot be shared by 2 processes" in (tmp_path / f"{rank}.txt").read_text()
    assert len(load_file(tmp_path / "training/state.safetensors")["losses"]) == len(alone.history)


# Accuracy


def test_accuracy_is_the_share_of_right_answers():
    model = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())  # the brightest colour is the class
    colours = torch.eye(3).repeat(4, 1)[:10]
    images = colours.reshape(10, 3, 1, 1).expand(-1, -1, 4, 4)
    labels = torch.tensor([0, 1, 2, 0, 1, 2, 0, 2, 1, 1])
    assert accuracy(model, images, labels, batch=3) == pytest.approx(0.7)
    assert accuracy(model, (images * 255).to(torch.uint8), labels) == pytest.approx(0.7)
    with pytest.raises(BadInput, match="10 images and 9 labels make no accuracy"):
        accuracy(model, images, labels[:9])
    with pytest.raises(BadInput, match="0 images"):
        accuracy(model, images[:0], labels[:0])
