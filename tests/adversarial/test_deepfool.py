"""DeepFool: exact where a model is linear, and near the shortest way where it is not."""

import pytest
import torch
from adversarial.networks import IMAGES, Curved, Flat, network
from torch import nn

from innerview.adversarial import Attack, Course, deepfool, distances, pgd
from innerview.core.errors import BadInput, NotFinite

INSIDE = 0.5 + 0.05 * (IMAGES - 0.5)
FLAT, CURVED = network(Flat, classes=4), network(Curved, classes=4)


def nearest_of_a_linear_model(model, image, overshoot):
    """Return the shortest change of one image, and the class that it leads to."""
    weights, logits = model.fc.weight, model(image[None])[0]
    own, ways = int(logits.argmax()), {}
    for other in set(range(len(logits))) - {own}:
        slope = weights[other] - weights[own]
        ways[other] = (logits[own] - logits[other]) / slope.square().sum() * slope
    best = min(ways, key=lambda other: float(ways[other].norm()))
    return (1 + overshoot) * ways[best].view_as(image), best


@pytest.mark.parametrize("overshoot", [0.02, 0.5])
def test_on_a_linear_model_it_is_exact_in_one_step(overshoot):
    found = deepfool(FLAT, INSIDE, Course(overshoot=overshoot))
    for index, image in enumerate(INSIDE):
        wanted, other = nearest_of_a_linear_model(FLAT, image, overshoot)
        torch.testing.assert_close(found.images[index] - image, wanted, rtol=1e-9, atol=1e-12)
        assert found.norms[index].item() == pytest.approx(float(wanted.norm()), rel=1e-9)
        assert found.after[index] == other
    assert found.steps.tolist() == [1, 1, 1]
    assert found.success.all()
    assert found.before.tolist() == FLAT(INSIDE).argmax(1).tolist()


def test_only_the_best_classes_are_compared():
    model, image = network(Flat, classes=3), torch.full((1, 3, 4, 5), 0.5, dtype=torch.float64)
    places = torch.arange(60)
    signs = [torch.where(positive, 1.0, -1.0) for positive in (places < 28, (places % 2 == 0) & (places > 0))]
    model.fc.weight.data = torch.stack([torch.zeros(60), 0.1 * signs[0], signs[1]]).double()
    assert model(image)[0].tolist() == pytest.approx([0, -0.2, -1])
    for count, after, length in ((2, 1, 0.2 / 0.1), (3, 2, 1.0), (99, 2, 1.0)):
        found = deepfool(model, image, Course(classes=count, overshoot=0.01))
        assert found.after.tolist() == [after]
        assert found.norms.item() == pytest.approx(1.01 * length / 60**0.5)


def written_down(model, image, overshoot, most):
    """Algorithm 2 for one image, in full."""
    own = int(model(image[None]).argmax())
    total, changed, steps = torch.zeros_like(image), image, 0
    while steps < most:
        now = (image + total).clamp(0, 1)[None].requires_grad_()
        jacobian = torch.autograd.functional.jacobian(model, now)[0][:, 0]
        logits = model(now)[0].detach()
        ways = []
        for other in range(len(logits)):
            if other != own:
                slope = jacobian[other] - jacobian[own]
                ways.append((logits[other] - logits[own]).abs() / slope.square().sum() * slope)
        total = total + min(ways, key=lambda way: float(way.norm()))
        steps += 1
        changed = (image + (1 + overshoot) * total).clamp(0, 1)
        if int(model(changed[None]).argmax()) != own:
            return changed, steps
    return changed, steps


def test_on_a_curved_model_it_is_what_is_written_down():
    found = deepfool(CURVED, IMAGES)
    for index, image in enumerate(IMAGES):
        wanted, steps = written_down(CURVED, image, 0.02, 50)
        torch.testing.assert_close(found.images[index], wanted, rtol=0, atol=1e-10)
        assert found.steps[index] == steps
    assert found.steps.max() > 1
    assert found.success.all()
    torch.testing.assert_close(found.norms, distances(IMAGES, found.images, "l2"))


def test_it_is_shorter_than_an_attack_of_a_fixed_size_needs_to_be():
    found = deepfool(CURVED, IMAGES)
    for image, norm in zip(IMAGES.split(1), found.norms.tolist(), strict=True):
        assert not pgd(CURVED, image, attack=Attack(0.5 * norm, 20, seed=None, norm="l2")).success.any()


def test_images_stay_in_their_range():
    ends = torch.stack([torch.zeros(3, 4, 5), torch.ones(3, 4, 5)]).double()
    found = deepfool(CURVED, ends)
    assert (found.images >= 0).all()
    assert (found.images <= 1).all()
    assert found.success.all()


def test_where_no_step_suffices_nothing_is_reached():
    found = deepfool(CURVED, IMAGES, Course(steps=0))
    assert torch.equal(found.images, IMAGES)
    assert found.steps.tolist() == [0, 0, 0]
    assert not found.success.any()
    assert torch.equal(found.before, found.after)


class Tied(nn.Module):
    """Two classes, equal for the image; and a third far away."""

    def forward(self, images):
        sums = images.flatten(1).sum(1, keepdim=True)
        return torch.cat([sums, 60 - sums, sums * 0 - 99], 1)


def test_a_tie_is_crossed_and_a_flat_class_is_no_way_out():
    image = torch.full((1, 3, 4, 5), 0.5, dtype=torch.float64)
    found = deepfool(Tied().eval(), image)
    assert found.before.tolist() == [0]
    assert found.after.tolist() == [1]
    assert 0 < found.norms.item() < 1e-5


class Constant(Flat):
    def forward(self, images):
        return super().forward(images) * 0


class Detached(Flat):
    def forward(self, images):
        return super().forward(images.detach())


def test_a_model_that_ignores_its_images_is_not_fooled():
    found = deepfool(network(Constant), IMAGES, Course(steps=3))
    assert not found.success.any()
    assert found.steps.tolist() == [3, 3, 3]
    assert torch.equal(found.images, IMAGES)


def test_images_and_model_are_as_they_were_and_gradients_may_be_switched_off():
    model, given = Curved().double().eval(), IMAGES.clone()
    with torch.no_grad():
        found = deepfool(model, given)
    assert torch.equal(given, IMAGES)
    assert not found.images.requires_grad
    assert all(weight.requires_grad and weight.grad is None for weight in model.parameters())


def test_bad_input_is_refused():
    with pytest.raises(BadInput, match="the model has a single class"):
        deepfool(network(Flat, classes=1), IMAGES)
    with pytest.raises(BadInput, match="no gradient reaches the images"):
        deepfool(network(Detached), IMAGES)
    with pytest.raises(BadInput, match=r"images must lie in \[0, 1\]"):
        deepfool(FLAT, IMAGES * 3)
    with pytest.raises(NotFinite, match="NaN or infinite pixels"):
        deepfool(FLAT, IMAGES / 0)
    with pytest.raises(NotFinite, match="logits are NaN"):
        deepfool(network(Flat, scale=float("nan")), IMAGES)
    for wrong in ((1, 0.1, 5), (2, 0.1, -1), (2, -0.1, 5), (2, float("nan"), 5)):
        with pytest.raises(BadInput, match="lead nowhere; give 2 or more classes"):
            Course(*wrong)
