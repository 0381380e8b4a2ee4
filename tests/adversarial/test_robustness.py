"""Accuracy against epsilon, and examples shown to other models: counted again by hand."""

import pytest
import torch
from adversarial.networks import IMAGES, Curved, Flat, network

from innerview.adversarial import (
    ATTACKS,
    Attack,
    AwayFrom,
    Towards,
    accuracy_curve,
    attack_named,
    fgsm,
    iterative,
    pgd,
    transfer,
)
from innerview.core.errors import BadInput

MANY = torch.rand(10, 3, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
CURVED, FLAT = network(Curved, classes=4), network(Flat, classes=4)
LABELS = CURVED(MANY).argmax(1)
LABELS[:3] = (LABELS[:3] + 1) % 4  # three that it gets wrong


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_names_are_those_of_the_attacks(norm):
    goal, epsilon = Towards(2), 0.1
    wanted = {
        "fgsm": fgsm(CURVED, IMAGES, goal, epsilon=epsilon, norm=norm),
        "iterative": iterative(CURVED, IMAGES, goal, epsilon=epsilon, steps=4, norm=norm),
        "pgd": pgd(CURVED, IMAGES, goal, Attack(epsilon, 4, 2.5 * epsilon / 4, 7, norm)),
    }
    assert tuple(wanted) == ATTACKS
    for name, found in wanted.items():
        steps = None if name == "fgsm" else 4
        again = attack_named(name, norm, steps, seed=7)(CURVED, IMAGES, goal, epsilon)
        assert torch.equal(again.images, found.images)
    ten = pgd(CURVED, IMAGES, goal, Attack(0.1, 10, 0.025, 0))
    assert torch.equal(attack_named("pgd")(CURVED, IMAGES, goal, 0.1).images, ten.images)


def test_the_curve_counts_what_is_right_after_each_attack():
    attacks = {"FGSM": attack_named("fgsm"), "PGD": attack_named("pgd", steps=5)}
    epsilons = (0, 0.01, 0.1, 1)
    found = accuracy_curve(CURVED, MANY, LABELS, attacks, epsilons, batch=4)
    assert found.epsilons == epsilons
    for name, perturb in attacks.items():
        for place, epsilon in enumerate(epsilons):
            parts = zip(MANY.split(4), LABELS.split(4), strict=True)
            chances = torch.cat(
                [CURVED(perturb(CURVED, some, AwayFrom(own), epsilon).images).softmax(1) for some, own in parts]
            )
            assert found.accuracy[name][place] == float((chances.argmax(1) == LABELS).double().mean())
            assert found.confidence[name][place] == pytest.approx(float(chances.max(1).values.mean()), rel=1e-12)
        assert found.accuracy[name][0] == 0.7
    assert found.accuracy["PGD"][2] < 0.7


def test_a_targeted_curve_leads_to_its_target():
    target = [(int(label) + 1) % 4 for label in LABELS]
    attacks = {"PGD": attack_named("pgd")}
    found = accuracy_curve(CURVED, MANY, LABELS, attacks, [0.1], target=target)
    changed = attacks["PGD"](CURVED, MANY, Towards(target), 0.1).images
    assert found.accuracy["PGD"][0] == float((CURVED(changed).argmax(1) == LABELS).double().mean())
    with pytest.raises(BadInput, match=r"class \d, .*, is what image \d shows already"):
        accuracy_curve(CURVED, MANY, LABELS, attacks, [0.1], target=int(LABELS[0]))


def test_transfer_counts_errors_among_what_each_judge_had_right():
    models = {"curved": CURVED, "flat": FLAT, "other": network(Flat, classes=4, scale=-1.0)}
    perturb = attack_named("fgsm")
    found = transfer(models, MANY, LABELS, perturb, 0.1, batch=3)
    assert found.names == tuple(models)
    for column, judge in enumerate(models.values()):
        right = judge(MANY).argmax(1) == LABELS
        assert found.counts[column] == right.sum()
        for row, maker in enumerate(models.values()):
            changed = perturb(maker, MANY, AwayFrom(LABELS), 0.1).images
            wrong = judge(changed).argmax(1) != LABELS
            wanted = wrong[right].double().mean() if right.any() else torch.tensor(torch.nan).double()
            torch.testing.assert_close(found.errors[row, column].double(), wanted, equal_nan=True, rtol=1e-6, atol=0)
    assert found.counts[0] == 7
    assert len({float(found.errors[0, 0]), float(found.errors[1, 0])}) == 2


def test_a_judge_that_had_nothing_right_has_no_error_rate():
    wrong = (FLAT(MANY).argmax(1) + 1) % 4
    found = transfer({"flat": FLAT}, MANY, wrong, attack_named("fgsm"), 0.01)
    assert found.counts.tolist() == [0]
    assert found.errors.isnan().all()


def test_bad_input_is_refused():
    with pytest.raises(BadInput, match="no attack is called 'fgms'; near ones: fgsm; choose one of fgsm, iterative"):
        attack_named("fgms")
    with pytest.raises(BadInput, match="fgsm takes one step, not 5"):
        attack_named("fgsm", steps=5)
    with pytest.raises(BadInput, match="an attack takes 1 step or more, not 0"):
        attack_named("pgd", steps=0)
    attacks = {"fgsm": attack_named("fgsm")}
    for wrong in (({}, [0.1], 4), (attacks, [], 4), (attacks, [0.1], 0)):
        with pytest.raises(BadInput, match="make no curve"):
            accuracy_curve(FLAT, MANY, LABELS, wrong[0], wrong[1], batch=wrong[2])
    with pytest.raises(BadInput, match=r"epsilon must lie in \[0, 1\]"):
        accuracy_curve(FLAT, MANY, LABELS, attacks, [1.5])
    with pytest.raises(BadInput, match="2 classes for 10 images"):
        accuracy_curve(FLAT, MANY, [1, 2], attacks, [0.1])
    with pytest.raises(BadInput, match="0 models and batches of 4"):
        transfer({}, MANY, LABELS, attacks["fgsm"], 0.1, batch=4)
