"""Attacks: FGSM in closed form, PGD written down, the ball kept exactly, models as they were."""

import numpy as np
import pytest
import torch
from adversarial.networks import IMAGES, Curved, Flat, network
from skimage import data
from torch import nn
from torch.nn import functional as F

from innerview.adversarial import Attack, AwayFrom, Towards, distances, fgsm, iterative, pgd
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


def test_fgsm_under_l2_goes_along_the_gradient():
    away = (TWO.fc.weight[1] - TWO.fc.weight[0]).view(3, 4, 5)
    inside = 0.5 + 0.2 * (IMAGES - 0.5)  # far enough from the ends of the range
    wanted = inside + 0.3 * away / away.norm()
    for goal in (AwayFrom(0), Towards(1)):
        found = fgsm(TWO, inside, goal, epsilon=0.3, norm="l2").images
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-11)


@pytest.mark.parametrize(("goal", "sign"), [(AwayFrom, 1), (Towards, -1)])
def test_pgd_under_l2_is_what_is_written_down(goal, sign):
    attack, classes = Attack(0.4, steps=6, step_size=0.15, seed=None, norm="l2"), torch.tensor([1, 2, 0])
    found, wanted = pgd(CURVED, IMAGES, goal(classes), attack), []
    for image, label in zip(IMAGES, classes, strict=True):
        now = image
        for _ in range(attack.steps):
            leaf = now[None].clone().requires_grad_()
            (slope,) = torch.autograd.grad(F.cross_entropy(CURVED(leaf), label[None]), leaf)
            moved = now + sign * 0.15 * slope[0] / slope.square().sum().sqrt() - image
            length = moved.square().sum().sqrt()
            now = (image + (moved * 0.4 / length if length > 0.4 else moved)).clamp(0, 1)
        wanted.append(now)
    torch.testing.assert_close(found.images, torch.stack(wanted), rtol=0, atol=1e-10)
    assert distances(IMAGES, found.images, "l2").max() > 0.3


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_the_iterative_method_is_pgd_from_the_image_with_steps_that_add_up_to_a_quarter_more(norm):
    for epsilon, steps in ((8 / 255, 10), (0.3, 5), (0.1, 1)):
        size = min(1.25 * epsilon / steps, epsilon)
        wanted = pgd(CURVED, IMAGES, attack=Attack(epsilon, steps, size, None, norm)).images
        assert torch.equal(iterative(CURVED, IMAGES, epsilon=epsilon, steps=steps, norm=norm).images, wanted)
    assert torch.equal(
        iterative(CURVED, IMAGES, epsilon=8 / 255, norm=norm).images,
        pgd(CURVED, IMAGES, attack=Attack(8 / 255, 10, 1 / 255, None, norm)).images,  # the paper's steps of one level
    )


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("epsilon", [0, 1e-4, 8 / 255, 1 / 3, 1])
def test_every_attack_keeps_ball_and_range_also_at_their_ends(norm, epsilon):
    model = network(Curved).float()
    images = torch.rand(20, 3, 4, 5, generator=torch.Generator().manual_seed(2))
    images[0], images[1], images[2, :, :2] = 0, 1, 1
    for goal in (AwayFrom(), Towards(1)):
        for found in (
            fgsm(model, images, goal, epsilon=epsilon, norm=norm),
            iterative(model, images, goal, epsilon=epsilon, steps=3, norm=norm),
            pgd(model, images, goal, Attack(epsilon, 4, epsilon / 2, 1, norm)),
        ):
            assert found.images.dtype == torch.float32
            assert (found.images >= 0).all()
            assert (found.images <= 1).all()
            moved = found.images.double() - images.double()
            reach = moved.abs().max() if norm == "linf" else moved.square().sum((1, 2, 3)).sqrt().max()
            assert reach <= epsilon
            assert reach >= 0.9 * epsilon


def test_all_of_the_range_may_be_asked_for():
    found = pgd(CURVED.float(), IMAGES.float(), attack=Attack(60**0.5, 30, 1.0, 0, "l2"))
    CURVED.double()
    assert found.success.all()
    with pytest.raises(BadInput, match=r"under l2 epsilon must lie in \[0, 7\.746\], the root of the number"):
        pgd(CURVED, IMAGES, attack=Attack(7.8, norm="l2"))


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


def test_the_start_under_l2_has_any_direction_and_nearly_the_whole_length():
    middle = torch.full((8, 3, 30, 30), 0.5)
    model = nn.Sequential(nn.Flatten(), nn.Linear(2700, 3)).eval()
    start = pgd(model, middle, attack=Attack(2.0, steps=0, seed=7, norm="l2")).images - middle
    lengths = start.flatten(1).norm(dim=1)
    assert ((lengths > 1.98) & (lengths <= 2)).all()
    cosines = start.flatten(1) @ start.flatten(1).T / (lengths[:, None] * lengths)
    assert (cosines - torch.eye(8)).abs().max() < 0.1


def test_none_for_the_step_is_madrys_and_under_l2_what_crosses_the_ball():
    assert Attack(0.5, 20).step == 2 / 255
    assert Attack(3.0, 10, norm="l2").step == 0.75
    assert Attack(3.0, 0, norm="l2").step == 7.5


def test_an_image_is_not_led_to_the_class_that_it_shows():
    true = [1, 2, 0]
    with pytest.raises(BadInput, match="class 2, dog, is what image 1 shows already; choose another target"):
        fgsm(CURVED, IMAGES, Towards([0, 2, 1], true))
    with pytest.raises(BadInput, match="class 0, fox, is what image 2 shows already"):
        fgsm(CURVED, IMAGES, Towards(0, true))
    wanted = fgsm(CURVED, IMAGES, Towards([2, 0, 1])).images
    assert torch.equal(fgsm(CURVED, IMAGES, Towards([2, 0, 1], true)).images, wanted)


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


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"epsilon": -0.1}, r"epsilon must lie in \[0, 1\], the range of the images' values, not -0\.1"),
        ({"epsilon": 8.0}, r"epsilon must lie in \[0, 1\]"),
        ({"epsilon": float("nan")}, r"epsilon must lie in \[0, 1\]"),
        ({"epsilon": float("nan"), "norm": "l2"}, r"under l2 epsilon must lie in \[0, inf\), not nan"),
        ({"epsilon": float("inf"), "norm": "l2"}, r"\[0, inf\), not inf"),
        ({"epsilon": -1, "norm": "l2"}, r"\[0, inf\), not -1"),
        ({"norm": "l1"}, "no norm is called 'l1'; choose one of linf, l2"),
        ({"steps": -1}, r"-1 steps of None are none; give 0 or more, of a size in \[0, 1\]"),
        ({"step_size": -0.1}, r"of a size in \[0, 1\]"),
        ({"step_size": 1.1}, r"of a size in \[0, 1\]"),
        ({"step_size": -1, "norm": "l2"}, r"of a size in \[0, inf\)"),
    ],
)
def test_attacks_that_are_none_are_refused(options, said):
    with pytest.raises(BadInput, match=said):
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
