"""Validation and early stop: what is measured, when it ends, and the same bits however often it is cut short."""

import copy
import csv
import shutil
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file
from training.small import ENDING, MOMENTUM, RECIPE, STEPS, Judge, Stopping, assert_same_files, same
from training.test_recipe import Line, mean_output

from innerview.core.errors import BadInput, NotFinite
from innerview.training import SGD, EarlyStop, TensorSamples, TrainingRecipe, cross_entropy, load_weights, train

SLOPES = TrainingRecipe(epochs=9, batch=1, optimizer=SGD(0.1, momentum=0.0))
"""With `falling`, the slope is 2 - epoch / 10 after each epoch of one step."""


def falling(recipe, validate, **options):
    samples = TensorSamples((torch.ones(1, dtype=torch.float64),))
    return train(Line(), samples, mean_output, recipe, validate=validate, **options)


def slope(model):
    return float(model.state_dict()["slope"])


def near(target):
    return lambda model: {"slope": slope(model), "near": -abs(slope(model) - target)}


def test_the_measures_are_those_of_the_weights_after_each_epoch(tmp_path, network, samples):
    judge = Judge(network)
    recipe = replace(RECIPE, snapshots=(1, 2, 3, 4))
    result = train(network, samples, cross_entropy, recipe, validate=judge, folder=tmp_path)
    assert list(result.measures) == ["chance", "closeness", "right"]
    for epoch in range(4):
        model = copy.deepcopy(network).eval().requires_grad_(False)
        load_weights(model, tmp_path / f"epoch-{epoch + 1}.safetensors")
        with torch.no_grad():
            found = judge(model)
        assert result.measures["closeness"][epoch] == found["closeness"]
        assert result.measures["right"][epoch] == found["right"]
    assert len(set(result.measures["chance"].tolist())) == 4


@pytest.mark.parametrize("recipe", [RECIPE, MOMENTUM], ids=["adam", "sgd"])
def test_a_validation_changes_nothing(network, samples, recipe):
    network[:2].requires_grad_(False)  # stays in evaluation mode also after a validation
    state = torch.random.get_rng_state()
    judged = train(network, samples, cross_entropy, recipe, validate=Judge(network))
    assert torch.equal(torch.random.get_rng_state(), state)
    plain = train(network, samples, cross_entropy, recipe)
    assert same(judged.model, plain.model)
    assert torch.equal(judged.history, plain.history)
    assert plain.measures == {}


def test_the_table_of_epochs_holds_mean_losses_and_measures(tmp_path, network, samples):
    result = train(network, samples, cross_entropy, RECIPE, validate=Judge(network), folder=tmp_path / "judged")
    head, *rows = csv.reader((tmp_path / "judged/epochs.csv").read_text().splitlines())
    assert head == ["epoch", "loss", "chance", "closeness", "right"]
    assert [int(row[0]) for row in rows] == [1, 2, 3, 4]
    assert [float(row[1]) for row in rows] == pytest.approx(result.history.reshape(4, 4).mean(1).tolist(), rel=1e-12)
    for column, values in enumerate(result.measures.values(), start=2):
        assert [float(row[column]) for row in rows] == values.tolist()
    train(network, samples, cross_entropy, RECIPE, folder=tmp_path / "plain")
    plain = csv.reader((tmp_path / "plain/epochs.csv").read_text().splitlines())
    assert list(plain) == [["epoch", "loss"], *(row[:2] for row in rows)]


# Early stop


@pytest.mark.parametrize("kept", [True, False], ids=["folder", "memory"])
@pytest.mark.parametrize(
    ("target", "patience", "best", "last"),
    [(1.68, 2, 3, 5), (1.68, 1, 3, 4), (1.9, 3, 1, 4), (0.0, 1, 9, 9), (1.22, 3, 8, 9)],
)
def test_it_ends_when_the_measure_has_not_risen_and_gives_the_best_weights(
    tmp_path, kept, target, patience, best, last
):
    recipe = replace(SLOPES, early_stop=EarlyStop("near", patience))
    result = falling(recipe, near(target), folder=tmp_path if kept else None)
    slopes = [2 - (epoch + 1) / 10 for epoch in range(last)]
    assert result.measures["slope"].tolist() == pytest.approx(slopes, rel=1e-12)
    assert len(result.history) == last
    assert slope(result.model) == float(result.measures["slope"][best - 1])
    assert not any(parameter.requires_grad for parameter in result.model.parameters())
    if kept:
        assert load_file(tmp_path / "best.safetensors")["slope"] == slope(result.model)
        assert load_file(tmp_path / "state.safetensors")["model.slope"] == result.measures["slope"][-1]


def test_of_equal_values_the_first_is_the_best():
    result = falling(replace(SLOPES, early_stop=EarlyStop("same", 2)), lambda _: {"same": 1})
    assert len(result.history) == 3
    assert slope(result.model) == pytest.approx(1.9)


def test_without_epochs_nothing_is_judged(tmp_path):
    recipe = replace(SLOPES, epochs=0, early_stop=EarlyStop("near"))
    for folder in (None, tmp_path):
        result = falling(recipe, near(0), folder=folder)
        assert slope(result.model) == 2
        assert result.measures == {}


def cut(folder, network, samples, **calls):
    """Train until an interrupt comes in the loss or the validation."""
    loss = Stopping(calls.get("loss", 10**9))
    judge = Judge(network, calls=calls.get("judge", 10**9))
    with pytest.raises(KeyboardInterrupt):
        train(network, samples, loss, ENDING, validate=judge, folder=folder)


@pytest.mark.parametrize(
    "calls", [*({"loss": step} for step in range(STEPS)), *({"judge": i} for i in range(4))], ids=str
)
def test_a_training_cut_anywhere_ends_with_the_same_bits(tmp_path, network, samples, calls):
    whole = train(network, samples, Stopping(STEPS), ENDING, validate=Judge(network), folder=tmp_path / "whole")
    assert len(whole.history) == STEPS < 4 * ENDING.epochs
    cut(tmp_path / "cut", network, samples, **calls)
    loss, judge = Stopping(STEPS), Judge(network)
    resumed = train(network, samples, loss, ENDING, validate=judge, folder=tmp_path / "cut")
    done = calls["loss"] // 4 * 4 if "loss" in calls else calls["judge"] * 4 + 4
    assert loss.left == done  # neither steps nor validations are done twice
    assert 10**9 - judge.left == 4 - calls.get("judge", done // 4)
    assert same(whole.model, resumed.model)
    assert all(torch.equal(values, resumed.measures[name]) for name, values in whole.measures.items())
    assert_same_files(tmp_path / "whole", tmp_path / "cut")


def test_a_training_that_was_ended_early_is_read_not_repeated(tmp_path, network, samples):
    """As after a kill when the stop was decided."""
    first = train(network, samples, Stopping(STEPS), ENDING, validate=Judge(network), folder=tmp_path)
    again = train(network, samples, Stopping(0), ENDING, validate=Judge(network, calls=0), folder=tmp_path)
    assert same(first.model, again.model)
    assert torch.equal(first.history, again.history)
    assert first.measures.keys() == again.measures.keys()


def test_best_weights_and_table_that_are_behind_the_state_are_renewed(tmp_path, network, samples):
    """As after a kill between the state and them: the second epoch is the best."""
    whole = train(network, samples, Stopping(STEPS), ENDING, validate=Judge(network), folder=tmp_path / "whole")
    cut(tmp_path / "first", network, samples, loss=4)
    cut(tmp_path / "cut", network, samples, loss=8)
    for name in ("best.safetensors", "epochs.csv"):
        shutil.copy(tmp_path / "first" / name, tmp_path / "cut" / name)
    resumed = train(network, samples, Stopping(STEPS), ENDING, validate=Judge(network), folder=tmp_path / "cut")
    assert same(whole.model, resumed.model)
    assert_same_files(tmp_path / "whole", tmp_path / "cut")


# What is said


def test_an_early_stop_without_its_measure_is_refused(tmp_path):
    recipe = replace(SLOPES, early_stop=EarlyStop("nea"))
    with pytest.raises(BadInput, match="early stop needs a validation that returns 'nea'; give `validate`"):
        falling(recipe, None, folder=tmp_path / "none")
    assert not (tmp_path / "none").exists()
    with pytest.raises(BadInput, match=r"the validation returns no 'nea', which early stop needs; near ones: near$"):
        falling(recipe, near(1))
    recipe = replace(SLOPES, early_stop=EarlyStop("accuracy"))
    with pytest.raises(BadInput, match=r"'accuracy', which early stop needs; it returns slope, near$"):
        falling(recipe, near(1))
    with pytest.raises(BadInput, match="it returns nothing"):
        falling(recipe, lambda _: {})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_measure_that_is_no_number_is_named_and_the_steps_are_kept(tmp_path, value):
    def broken(model, value=value):
        return {"near": value if slope(model) < 1.75 else 0.0}

    with pytest.raises(NotFinite, match=f"the measure near became {value} after epoch 3; check the validation"):
        falling(SLOPES, broken, folder=tmp_path)
    state = load_file(tmp_path / "state.safetensors")
    assert len(state["losses"]) == 3
    assert len(state["measures.near"]) == 2
    broken.__defaults__ = (7.0,)  # mended
    result = falling(SLOPES, broken, folder=tmp_path)
    assert result.measures["near"].tolist() == [0, 0, 7, 7, 7, 7, 7, 7, 7]


def test_a_network_that_broke_is_named_not_its_measure():
    """The gradient of the last step is infinite."""

    def root(model, x):
        return model(x).mean() + (0 * model.slope).sqrt()

    samples = TensorSamples((torch.ones(1, dtype=torch.float64),))
    with pytest.raises(NotFinite, match="slope is NaN or infinite after 1 steps"):
        train(Line(), samples, root, SLOPES, validate=near(1))


def test_a_validation_that_returns_something_else_is_told_so():
    with pytest.raises(BadInput, match="a validation returned a float; let it return numbers by name"):
        falling(SLOPES, lambda _: 0.5)
    with pytest.raises(BadInput, match="a measure cannot be called 'loss', which is a column of its own; rename it"):
        falling(SLOPES, lambda _: {"loss": 0.5})
    names = iter(["right", "right", "wrong"])
    with pytest.raises(BadInput, match="after epoch 3 returned wrong, those before right; let it always return"):
        falling(SLOPES, lambda _: {next(names): 0.5})
