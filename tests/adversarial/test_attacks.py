"""Attacks: FGSM in closed form, PGD written down, the ball kept exactly, models as they were."""

import numpy as np
import pytest
import torch
from adversarial.networks import IMAGES, Curved, Flat, network
from skimage import data
from torch import nn
from torch.nn import functional as F

from innerview.adversarial import Attack, AwayFrom, Towards, fgsm, pgd
from innerview.adversarial.goals import log_probability
from innerview.core.errors import BadInput, NotFinite
from innerview.core.images import from_array, read_image
from innerview.core.seeds import generator

TWO = network(Flat, classes=2)
FLAT, CURVED = network(Flat), network(Curved)


@pytest.mark.parametrize("epsilon", [0.01, 0.2])
def test_fgsm_of_two_linear_classes_is_the_sign_of_their_difference(epsilon):
    away = torch.sign(TWO.fc.weight[1] - TWO.fc.weight[0]).view(3, 4, 5)
    wanted = (IMAGES + epsilon * away).clamp(0, 1)
    torch.testing.assert_close(fgsm(TWO, IMAGES, AwayFrom(0), epsilon=epsilon).images, wanted, rtol=0, atol=1e-15)
    torch.testing.assert_close(fgsm(TWO, IMAGES, Towards(1), epsilon=epsilon).images, wanted, rtol=0, atol=1e-15)
    back = (IMAGES - epsilon * away).clamp(0, 1)
    torch.testing.assert_close(fgsm(TWO, IMAGES, AwayFrom("cat"), epsilon=epsilon).images, back, rtol=0, atol=1e-15)


def test_fgsm_follows_the_cross_entropy():
    classes = torch.tensor([2, 0, 3])
    leaf = IMAGES.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(F.cross_entropy(CURVED(leaf), classes, reduction="sum"), leaf)
    found = fgsm(CURVED, IMAGES, AwayFrom(classes), epsilon=0.03)
    torch.testing.assert_close(found.images, (IMAGES + 0.03 * gradient.sign()).clamp(0, 1), rtol=0, atol=1e-15)


def written_down(model, images, classes, attack, sign):
    """PGD, one image and one step after the other, with NumPy's clip."""
    changed = []
    for index, image in enumerate(images):
        x = image.numpy()
        now = x
        if attack.seed is not None:
            shares = torch.rand(x.shape, generator=generator("adversarial start", attack.seed + index)).numpy()
            now = np.clip(x + attack.epsilon * (2 * shares - 1), 0, 1)
        for _ in range(attack.steps):
            leaf = torch.tensor(now[None]).requires_grad_()
            F.cross_entropy(model(leaf), classes[index : index + 1]).backward()
            now = now + sign * attack.step_size * np.sign(leaf.grad[0].numpy())
            now = np.clip(np.clip(now, x - attack.epsilon, x + attack.epsilon), 0, 1)
        changed.append(torch.tensor(now))
    return torch.stack(changed)


@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize(("goal", "sign"), [(AwayFrom, 1), (Towards, -1)])
def test_pgd_is_what_is_written_down(goal, sign, seed):
    attack = Attack(0.1, steps=6, step_size=0.03, seed=seed)
    classes = torch.tensor([1, 2, 0])
    found = pgd(CURVED, IMAGES, goal(classes), attack)
    wanted = written_down(CURVED, IMAGES, classes, attack, sign)
    torch.testing.assert_close(found.images, wanted, rtol=0, atol=1e-7 if seed else 1e-14)
    assert found.before.tolist() == CURVED(IMAGES).argmax(1).tolist()
    assert found.after.tolist() == CURVED(wanted).argmax(1).tolist()
    assert found.success.tolist() == ((found.after != classes) if sign > 0 else (found.after == classes)).tolist()


def test_by_default_an_attack_leads_away_from_what_was_predicted():
    predicted = CURVED(IMAGES).argmax(1)
    attack = Attack(0.2, seed=None)
    assert torch.equal(
        pgd(CURVED, IMAGES, attack=attack).images, pgd(CURVED, IMAGES, AwayFrom(predicted), attack).images
    )
    found = pgd(CURVED, IMAGES, attack=attack)
    assert found.success.tolist() == (found.after != predicted).tolist()
    assert found.success.any()


def test_classes_are_given_as_index_name_or_one_for_each():
    attack = Attack(0.2, seed=None)
    wanted = pgd(CURVED, IMAGES, Towards([3, 3, 3]), attack).images
    for target in (3, "red car", "car", ["car", 3, "red car"], (3, 3, 3), torch.tensor([3, 3, 3])):
        assert torch.equal(pgd(CURVED, IMAGES, Towards(target), attack).images, wanted)
    assert not torch.equal(pgd(CURVED, IMAGES, Towards([3, 3, 0]), attack).images, wanted)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("epsilon", [8 / 255, 0.1, 1 / 3, 1e-4])
def test_the_ball_and_the_range_are_kept_exactly(dtype, epsilon):
    model = network(Curved).to(dtype)
    images = torch.rand(20, 3, 4, 5, dtype=dtype, generator=torch.Generator().manual_seed(2))
    images[0], images[1] = 0, 1
    for found in (
        fgsm(model, images, epsilon=epsilon),
        pgd(model, images, Towards(1), Attack(epsilon, 5, epsilon / 2, seed=1)),
        pgd(model, images, attack=Attack(epsilon, steps=0)),
    ):
        assert found.images.dtype == dtype
        assert (found.images >= 0).all()
        assert (found.images <= 1).all()
        moved = (found.images.double() - images.double()).abs()
        slack = 0 if dtype == torch.float32 else 1e-16
        assert moved.max() <= epsilon + slack
        assert moved.max() > 0.98 * epsilon


def test_epsilon_0_changes_nothing():
    images = IMAGES.float()
    model = network(Curved).float()
    assert torch.equal(fgsm(model, images, epsilon=0.0).images, images)
    found = pgd(model, images, Towards(1), Attack(0.0, seed=5))
    assert torch.equal(found.images, images)
    assert torch.equal(found.before, found.after)


def test_the_start_is_uniform_in_the_ball_and_belongs_to_its_image():
    middle = torch.full((4, 3, 30, 30), 0.5)
    model = nn.Sequential(nn.Flatten(), nn.Linear(2700, 3)).eval()
    start = pgd(model, middle, attack=Attack(0.1, steps=0, seed=7)).images - middle
    assert abs(float(start.mean())) < 0.002
    assert float(start.var()) == pytest.approx(0.2**2 / 12, rel=0.03)
    assert not torch.equal(start[0], start[1])
    second = pgd(model, middle[:1], attack=Attack(0.1, steps=0, seed=8)).images - middle[:1]
    assert torch.equal(second[0], start[1])
    nowhere = pgd(model, middle, attack=Attack(0.1, steps=0, seed=None)).images
    assert torch.equal(nowhere, middle)


def test_a_seed_repeats_and_another_differs():
    one, again, other = (pgd(CURVED, IMAGES, attack=Attack(0.1, seed=seed)).images for seed in (0, 0, 1))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_the_gradient_lasts_where_a_probability_has_become_zero():
    model = network(Flat, classes=2, scale=100.0).float()
    images = IMAGES.float()
    for target in (0, 1):
        hopeless = model(images).softmax(1)[:, target] == 0
        found = fgsm(model, images, Towards(target), epsilon=0.01)
        assert (found.images != images)[hopeless].flatten(1).any(1).all()
    assert (model(images).softmax(1) == 0).any()


def test_log_probability_is_that_of_the_softmax():
    wanted = CURVED(IMAGES).softmax(1)[torch.arange(3), torch.tensor([1, 0, 3])].log()
    torch.testing.assert_close(log_probability(torch.tensor([1, 0, 3]))(CURVED, IMAGES), wanted)


def test_more_steps_raise_the_goal_further():
    near, far = (pgd(CURVED, IMAGES, Towards(2), Attack(0.1, steps, 0.02, None)).images for steps in (1, 8))
    goal = log_probability(torch.tensor([2, 2, 2]))
    assert (goal(CURVED, far) > goal(CURVED, near)).all()
    assert (goal(CURVED, near) > goal(CURVED, IMAGES)).all()


class Refusing(Flat):
    """Fails at the second image that it sees."""

    calls = 0

    def forward(self, images):
        Refusing.calls += 1
        if Refusing.calls > 1:
            raise RuntimeError("enough")
        return super().forward(images)


def test_the_model_and_the_images_are_as_they_were():
    model = Curved().double().eval()  # its weights want gradients
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    given = IMAGES.clone()
    pgd(model, given)
    assert torch.equal(given, IMAGES)
    for name, weight in model.named_parameters():
        assert torch.equal(weight, before[name])
        assert weight.requires_grad
        assert weight.grad is None
    refusing = network(Refusing)
    with pytest.raises(RuntimeError, match="enough"):
        pgd(refusing, IMAGES)
    for module in (*model.modules(), *refusing.modules()):
        assert not module._forward_hooks
        assert not module._forward_pre_hooks


def test_attacks_work_where_gradients_are_switched_off_and_return_none():
    wanted = fgsm(CURVED, IMAGES).images
    for context in (torch.no_grad, torch.inference_mode):
        with context():
            assert torch.equal(fgsm(CURVED, IMAGES * 1).images, wanted)
    found = fgsm(CURVED, IMAGES.clone().requires_grad_())
    assert not found.images.requires_grad


class Detached(Flat):
    def forward(self, images):
        return super().forward(images.detach())


class Spatial(nn.Module):
    def forward(self, images):
        return images


class Broken(Flat):
    def forward(self, images):
        return super().forward((images - images).sqrt())


def test_bad_input_is_refused():
    with pytest.raises(BadInput, match="Flat is in training mode"):
        fgsm(network(Flat).train(), IMAGES)
    with pytest.raises(BadInput, match=r"images must lie in \[0, 1\], not in \[0.*, 2"):
        fgsm(FLAT, IMAGES * 2.5)
    with pytest.raises(BadInput, match=r"not in \[0.*, 1\.0000001\d*\]; clamp them"):
        fgsm(FLAT, torch.cat([IMAGES, torch.full_like(IMAGES, 1 + 1.2e-7)]))
    with pytest.raises(BadInput, match=r"images must be \(b, 3, h, w\)"):
        fgsm(FLAT, IMAGES[:0])
    with pytest.raises(NotFinite, match="NaN or infinite pixels"):
        fgsm(FLAT, IMAGES / 0)
    with pytest.raises(BadInput, match="2 classes for 3 images"):
        fgsm(FLAT, IMAGES, Towards([1, 2]))
    with pytest.raises(BadInput, match="class index 4 is out of range"):
        fgsm(FLAT, IMAGES, AwayFrom(4))
    with pytest.raises(BadInput, match="no class is called 'horse'"):
        fgsm(FLAT, IMAGES, Towards("horse"))
    for frozen in (True, False):
        with pytest.raises(BadInput, match="no gradient reaches the images"):
            fgsm(network(Detached).requires_grad_(not frozen), IMAGES)
    with pytest.raises(BadInput, match=r"Spatial puts out \(3, 3, 4, 5\), not \(b, classes\)"):
        fgsm(Spatial().eval(), IMAGES)
    with pytest.raises(NotFinite, match=r"gradient of -log_probability\(.*\) is NaN or infinite"):
        fgsm(network(Broken), IMAGES)


def test_a_class_beyond_the_logits_of_a_model_without_names_is_refused():
    model = network(Flat)
    del model.labels
    with pytest.raises(BadInput, match="class index 4 is out of range; it runs from 0 to 3"):
        fgsm(model, IMAGES, Towards([0, 4, 1]))


@pytest.mark.parametrize("options", [{"epsilon": -0.1}, {"epsilon": 8.0}, {"steps": -1}, {"step_size": -0.1}])
def test_attacks_that_are_none_are_refused(options):
    with pytest.raises(BadInput, match=r"epsilon must lie in \[0, 1\]|give 0 or more, of a size in \[0, 1\]"):
        Attack(**options)


def photographs(size):
    """What is inside scikit-image: a woman, a cat, coffee and a rocket."""
    arrays = [getattr(data, name)() for name in ("astronaut", "chelsea", "coffee", "rocket")]
    cut = [from_array(array)[..., :300, 50:350] for array in arrays]
    return F.interpolate(torch.cat(cut), (size, size), mode="bilinear", antialias=True).clamp(0, 1)


def test_the_embedded_model_is_led_to_chosen_classes(embedded):
    images = photographs(224)
    found = pgd(embedded, images, Towards([13, 407, 817, 281]))
    assert found.success.float().mean() >= 0.75
    assert found.after[found.success].tolist() == torch.tensor([13, 407, 817, 281])[found.success].tolist()
    assert not set(found.before.tolist()) & {13, 407, 817}
    assert (found.images - images).abs().max() < 0.0315


@pytest.mark.mirror
def test_googlenet_is_led_astray_on_most_photographs(googlenet, available):
    paths = list(available("imagenette160_boxes").values())[::125]
    images = torch.cat([read_image(path) for path in paths])
    away = fgsm(googlenet, images, epsilon=4 / 255)
    assert away.success.float().mean() >= 0.75
    towards = pgd(googlenet, images, Towards(281))
    assert towards.success.float().mean() >= 0.75
    torch.testing.assert_close(googlenet(towards.images).argmax(1), towards.after)
