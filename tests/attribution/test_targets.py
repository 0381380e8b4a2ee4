"""Targets: what may be explained, which class of which image that is, and what is refused."""

import inspect
from typing import Any

import pytest
import torch
from attribution.tiny import CLASSES, Calls, Layers, frozen, pictures
from torch import Tensor, nn

from innerview.attribution.targets import ClassScores, Scoring, fixed, probabilities, repeated, scoring
from innerview.core.errors import BadInput, NotFinite
from innerview.core.gradients import differentiable, gradient
from innerview.models import as_classifier
from innerview.optimize import channel, class_logit

NAMES = ["tabby cat", "tiger cat", "boxer", "snail"]


def named() -> nn.Module:
    return as_classifier(frozen(Calls()), mean=0, std=1, labels=NAMES)


ONE_FOR_ALL: list[tuple[Any, list[int]]] = [
    (2, [2, 2, 2]),
    ("boxer", [2, 2, 2]),
    ("snai", [3, 3, 3]),
    ("1", [1, 1, 1]),
    ([3, 0, 1], [3, 0, 1]),
    (["snail", 0, "tiger"], [3, 0, 1]),
    ((1, 1, 0), [1, 1, 0]),
    (torch.tensor([3, 0, 1]), [3, 0, 1]),
    (torch.tensor(2), [2, 2, 2]),
]


@pytest.mark.parametrize(("target", "indices"), ONE_FOR_ALL)
def test_a_class_target_scores_each_image_by_its_logit(target: Any, indices: list[int]) -> None:
    net, images = named(), pictures(3)
    logits = net(images)
    scores = scoring(net, images, target)(net, images)
    assert scores.tolist() == [logits[image, index].item() for image, index in enumerate(indices)]
    softmax = probabilities(scoring(net, images, target))(net, images)
    wanted = [(logits[image].exp()[index] / logits[image].exp().sum()).item() for image, index in enumerate(indices)]
    assert softmax.tolist() == pytest.approx(wanted)


def test_none_is_the_class_that_each_image_is_predicted_to_be() -> None:
    net, images = named(), pictures(6)
    logits = net(images)
    assert len(set(logits.argmax(1).tolist())) > 1
    score = scoring(net, images, None)
    assert torch.equal(score(net, images), logits.max(1).values)
    assert torch.equal(score(net, images.flip(0)), logits.max(1).values.flip(0))  # not settled yet
    assert torch.allclose(probabilities(score)(net, images), logits.softmax(1).max(1).values)


def test_fixed_settles_what_none_stands_for() -> None:
    net, images = named(), pictures(6)
    logits = net(images)
    predicted = logits.argmax(1)
    settled = fixed(net, images, scoring(net, images, None))
    assert torch.equal(settled(net, images.flip(0)), logits.flip(0)[range(6), predicted])
    kept = probabilities(scoring(net, images, None))
    assert torch.equal(fixed(net, images, kept)(net, images), logits.softmax(1)[range(6), predicted])


def test_fixed_leaves_what_is_settled_and_asks_the_model_nothing() -> None:
    net, images = named(), pictures(2)
    ran: list[int] = []
    net.register_forward_pre_hook(lambda *_: ran.append(1))
    for target in (1, [0, 3], channel("conv1", 0)):
        score = scoring(net, images, target)
        assert fixed(net, images, score) is score
    assert not ran
    fixed(net, images, scoring(net, images, None))
    assert ran == [1]


def test_any_score_is_taken_as_it_is() -> None:
    net, images = named(), pictures(2)
    for score in (channel("conv1", 0), lambda _model, images: images.mean((1, 2, 3))):
        assert scoring(net, images, score) is score
        assert probabilities(score) is score
        assert isinstance(score, Scoring)


@pytest.mark.parametrize("target", [1, [0, 3], None, class_logit([0, 3])])
def test_repeated_scores_each_copy_as_the_original(target: Any) -> None:
    net, images = named(), pictures(2)
    score = scoring(net, images, target)
    others = pictures(4)[2:]
    found = repeated(score, 3)(net, torch.cat([images, others, images]))
    assert torch.allclose(found, torch.cat([score(net, images), score(net, others), score(net, images)]), rtol=1e-10)


REFUSED: list[tuple[Any, str]] = [
    (CLASSES, "class index 4 is out of range; it runs from 0 to 3"),
    (-1, "class index -1 is out of range"),
    ([0, 7], "class index 7 is out of range; it runs from 0 to 3"),
    ("dog", "no class is called 'dog'"),
    ("cat", "class name 'cat' is ambiguous: 0 tabby cat, 1 tiger cat"),
    ([0, 1, 2], "3 targets for 2 images; give one for each, or one for all"),
    ([], "0 targets for 2 images"),
    (torch.tensor([1]), "1 targets for 2 images"),
]


@pytest.mark.parametrize(("target", "message"), REFUSED)
def test_targets_that_the_model_lacks_are_refused(target: Any, message: str) -> None:
    net, images = named(), pictures(2)
    with pytest.raises(BadInput, match=message):
        scoring(net, images, target)


def test_a_class_out_of_range_is_refused_where_the_model_has_no_names() -> None:
    net, images = frozen(Layers()), pictures(2)
    score = scoring(net, images, [0, CLASSES])
    with pytest.raises(BadInput, match="class index 4 is out of range; it runs from 0 to 3"):
        score(net, images)
    with pytest.raises(BadInput, match="the model has no class names, so 'cat' cannot be found"):
        scoring(net, images, "cat")


unchecked = inspect.unwrap(scoring)  # a caller has no type checker to refuse a list for us


def test_images_that_are_none_are_refused() -> None:
    net = frozen(Layers())
    sizes: Any = [pictures(1)[0], pictures(1)[0, :, :6]]
    with pytest.raises(BadInput, match=r"not a list \(of 12x12, 6x12 pixels\); resize and join them"):
        unchecked(net, sizes, 0)
    for shape in [(3, 12, 12), (0, 3, 12, 12), (2, 1, 12, 12), (2, 4, 12, 12)]:
        message = rf"images must be \(b, 3, h, w\), not \({', '.join(map(str, shape))}\)"
        with pytest.raises(BadInput, match=message):
            unchecked(net, torch.zeros(shape), 0)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_pixels_that_are_not_finite_are_refused(bad: float) -> None:
    images = pictures(2)
    images[1, 2, 3, 4] = bad
    with pytest.raises(NotFinite, match="the images hold NaN or infinite pixels; check how they were read"):
        scoring(frozen(Layers()), images, 0)


def test_a_model_in_training_mode_is_refused() -> None:
    with pytest.raises(BadInput, match=r"^Layers is in training mode.*; call model.eval\(\)$"):
        scoring(frozen(Layers()).train(), pictures(1), 0)


def test_a_model_without_logits_is_refused_as_a_class_but_not_as_a_score() -> None:
    net, images = frozen(nn.Sequential(nn.Conv2d(3, 4, 3))), pictures(2)
    with pytest.raises(BadInput, match=r"Sequential puts out \(2, 4, 10, 10\), not \(b, classes\): .* an objective"):
        scoring(net, images, 0)(net, images)
    assert scoring(net, images, channel("0", 1))(net, images).shape == (2,)


@pytest.mark.parametrize("without", [torch.no_grad, torch.inference_mode])
def test_differentiable_gives_gradients_back_only_inside(without: Any) -> None:
    with without():
        with differentiable():
            x = torch.ones(2, requires_grad=True)
            assert torch.autograd.grad((x * 3).sum(), x)[0].tolist() == [3, 3]
        assert not (torch.ones(1) * torch.ones(1, requires_grad=True)).requires_grad


def test_gradient_is_that_of_the_sum() -> None:
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    assert gradient((x**2).sum(1), x, "x").tolist() == [[2, 4], [6, 8]]


@pytest.mark.parametrize("scores", [lambda x: x.detach().sum(1), lambda _x: torch.ones(2, requires_grad=True)])
def test_a_source_that_no_gradient_reaches_is_named(scores: Any) -> None:
    x: Tensor = torch.ones(2, 2, requires_grad=True)
    with pytest.raises(BadInput, match=r"no gradient reaches layer 'relu2': .* choose a layer on the way"):
        gradient(scores(x), x, "layer 'relu2'")


def test_class_scores_are_part_of_the_graph() -> None:
    net, images = frozen(Layers()), pictures(2).requires_grad_()
    scores = ClassScores((3, 1))(net, images)
    (found,) = torch.autograd.grad(scores.sum(), images)
    (wanted,) = torch.autograd.grad(net(images)[0, 3] + net(images)[1, 1], images)
    assert torch.allclose(found, wanted, rtol=1e-10)
