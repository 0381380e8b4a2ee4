"""The descent: where it ends, what it keeps and remembers, how it stops, and what it refuses."""

import inspect
import warnings

import pytest
import torch
from synthesis.small import network, pictures
from torch import nn

from innerview.core.errors import BadInput, LayerNotFound, NotFinite
from innerview.synthesis.descent import FIRST_STEP, LEVEL, Descent, StoppedEarly, descend
from innerview.synthesis.losses import PIXELS, Loss, Term, content_loss, style_loss
from innerview.synthesis.priors import norm_loss

OPTIMIZERS = pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
CURVED = torch.linspace(0.2, 3, 48, dtype=torch.float64).reshape(1, 3, 4, 4)
"""Of a quadratic function, by pixel."""


def of_pixels(measure, name="distance"):
    return Loss((Term(name, PIXELS, measure),))


def quadratic(lowest):
    """A bowl, steeper along some pixels than along others, with its lowest point where it is told."""
    return of_pixels(lambda images: (CURVED.to(images) * (images - lowest.to(images)).square()).flatten(1).sum(1))


def quietly(*arguments, **options):
    """Descend, whether or not the walk ends early."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StoppedEarly)
        return descend(*arguments, **options)


def grey(count=1):
    return torch.full((count, 3, 4, 4), 0.5, dtype=torch.float64)


@pytest.mark.parametrize(
    ("recipe", "near"),
    [(Descent(steps=60), 1e-4), (Descent(steps=60, history=3), 1e-3), (Descent(400, "adam"), 1e-2)],
    ids=["lbfgs", "short memory", "adam"],
)
def test_a_lowest_point_inside_is_found(recipe, near):
    lowest = 0.1 + 0.8 * torch.rand(1, 3, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = quietly(nn.Identity(), quadratic(lowest), grey(), recipe)
    torch.testing.assert_close(found.images, lowest, rtol=0, atol=near)
    assert float(found.loss) < 1e-4 * float(found.history[0, 0])


@pytest.mark.parametrize(("optimizer", "near"), [("lbfgs", 4 * LEVEL), ("adam", LEVEL)])
def test_where_the_lowest_point_lies_outside_the_descent_ends_at_the_bound(optimizer, near):
    """The bowl's axes are the pixels, so that each pixel's best value is its own, clipped.

    L-BFGS comes less near than without bounds: it does not know that a step was cut short.
    """
    lowest = torch.linspace(-0.4, 1.4, 48, dtype=torch.float64).reshape(1, 3, 4, 4)
    loss = quadratic(lowest)
    found = quietly(nn.Identity(), loss, grey(), Descent(300, optimizer, learning_rate=2))
    torch.testing.assert_close(found.images, lowest.clamp(0, 1), rtol=0, atol=near)
    assert float(found.loss) == pytest.approx(float(loss(nn.Identity(), lowest.clamp(0, 1))), rel=1e-3)
    assert float(found.images.min()) == 0
    assert float(found.images.max()) == pytest.approx(1)


def test_pixels_stay_in_range_at_every_step():
    seen = []

    def measure(images):
        seen.append(images.detach())
        return (images - 3).square().flatten(1).sum(1)

    quietly(nn.Identity(), of_pixels(measure), pictures(dtype=torch.float64), Descent(30))
    every = torch.cat(seen)
    assert len(every) > 3
    assert float(every.min()) >= 0
    assert float(every.max()) <= 1 + 1e-6


def steps_seen(loss_at, start, recipe):
    seen = []

    def measure(images):
        seen.append(images.detach().clone())
        return loss_at(images)

    quietly(nn.Identity(), of_pixels(measure), start, recipe)
    return seen


@pytest.mark.parametrize(("size", "unit"), [((4, 4), 1.0), ((16, 12), 1e-9), ((16, 12), 1e9)])
def test_the_first_step_of_lbfgs_is_as_long_whatever_the_size_and_the_unit_of_the_loss(size, unit):
    def loss_at(images):
        return unit * (images - 0.9).square().flatten(1).sum(1)

    first, second, *_ = steps_seen(loss_at, 0.2 + 0.4 * pictures(1, size, dtype=torch.float64), Descent(3))
    assert float((second - first).abs().mean()) == pytest.approx(FIRST_STEP, rel=1e-6)


def test_the_first_step_of_adam_is_its_learning_rate_in_levels():
    def loss_at(images):
        return (images - 0.9).square().flatten(1).sum(1)

    first, second, *_ = steps_seen(loss_at, grey(), Descent(2, "adam", learning_rate=3))
    torch.testing.assert_close(second - first, torch.full_like(first, 3 * LEVEL), rtol=1e-6, atol=0)


@OPTIMIZERS
def test_a_loss_in_other_units_leads_to_the_same_picture(optimizer):
    """A power of two changes no digit."""
    model, start = network(), pictures(seed=1)
    loss = style_loss(model, pictures(seed=2), ["relu2"])
    usual, scaled = (quietly(model, one, start, Descent(12, optimizer)) for one in (loss, 2**30 * loss))
    assert torch.equal(usual.images, scaled.images)
    torch.testing.assert_close(scaled.loss, 2**30 * usual.loss)


@OPTIMIZERS
def test_the_loss_falls_and_what_is_returned_belongs_together(optimizer):
    model, start = network(), pictures(2, seed=1)
    loss = style_loss(model, pictures(seed=2), ["relu1", "relu2"]) + 0.1 * content_loss(
        model, pictures(seed=3), ["relu1"]
    )
    found = quietly(model, loss, start, Descent(20, optimizer))
    assert found.images.shape == start.shape
    assert not found.images.requires_grad
    assert found.history.shape == (2, 20)
    torch.testing.assert_close(found.history[:, 0], loss(model, start))
    assert (found.loss < 0.8 * found.history[:, 0]).all()
    torch.testing.assert_close(found.loss, loss(model, found.images))
    torch.testing.assert_close(found.loss, found.history.min(1).values, rtol=1e-4, atol=1e-9)
    assert set(found.parts) == {"style relu1", "style relu2", "content relu1"}
    torch.testing.assert_close(sum(found.parts.values()), found.loss)


def test_of_all_images_seen_the_best_is_kept_not_the_last():
    lowest = torch.full((1, 3, 4, 4), 0.52, dtype=torch.float64)
    found = descend(nn.Identity(), quadratic(lowest), grey(), Descent(4, "adam", learning_rate=60))
    assert float(found.history[0, -1]) > 10 * float(found.history[0].min())
    torch.testing.assert_close(found.loss.float(), found.history.min(1).values)
    assert torch.equal(found.images, grey())


@OPTIMIZERS
def test_the_same_start_gives_the_same_bits(optimizer):
    model = network()
    loss = style_loss(model, pictures(seed=2), ["relu2"])
    one, other = (quietly(model, loss, pictures(seed=1), Descent(15, optimizer)) for _ in range(2))
    assert torch.equal(one.images, other.images)
    assert torch.equal(one.history, other.history)


@OPTIMIZERS
def test_each_image_of_a_batch_goes_its_way_as_if_alone(optimizer):
    model, start = network(), pictures(3, seed=1)
    loss = style_loss(model, pictures(seed=2), ["relu2"])
    recipe = Descent(10, optimizer)
    together = quietly(model, loss, start, recipe)
    alone = [quietly(model, loss, image, recipe) for image in start.split(1)]
    assert torch.equal(together.images, torch.cat([one.images for one in alone]))
    assert torch.equal(together.history, torch.cat([one.history for one in alone]))
    assert torch.equal(together.loss, torch.cat([one.loss for one in alone]))


def test_the_start_is_left_as_it_was_and_a_start_out_of_range_is_clipped():
    start = torch.full((1, 3, 4, 4), 1.5)
    found = quietly(nn.Identity(), norm_loss(2), start, Descent(20))
    assert torch.equal(start, torch.full((1, 3, 4, 4), 1.5))
    assert float(found.history[0, 0]) == pytest.approx(48 * 0.25)
    assert float(found.images.max()) < 0.6


@OPTIMIZERS
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_a_descent_takes_as_many_steps_as_it_is_told(optimizer, steps):
    model = network()
    loss = style_loss(model, pictures(seed=2), ["relu2"])
    seen = steps_seen(lambda images: loss(model, images), pictures(seed=1), Descent(steps, optimizer))
    assert len(seen) == steps + 1  # once more for the parts


def test_a_loss_that_nothing_changes_stops_at_once_and_says_why():
    flat = of_pixels(lambda images: 3 + 0 * images.flatten(1).sum(1))
    with pytest.warns(StoppedEarly, match="after 1 of 9 steps: the gradient is zero; the best image so far is kept"):
        found = descend(nn.Identity(), flat, grey(), Descent(9))
    assert torch.equal(found.images, grey())
    assert found.history.tolist() == [[3.0] * 9]


def test_a_start_that_could_only_leave_the_range_stops_and_says_so():
    outward = of_pixels(lambda images: -images.flatten(1).sum(1))
    with pytest.warns(StoppedEarly, match="after 1 of 9 steps: nothing that L-BFGS tries is better"):
        found = descend(nn.Identity(), outward, torch.ones(1, 3, 4, 4), Descent(9))
    assert torch.equal(found.images, torch.ones(1, 3, 4, 4))


@OPTIMIZERS
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_stops_being_a_number_ends_the_walk_and_the_best_image_is_kept(optimizer, value):
    def measure(images):
        return (images - 1).square().flatten(1).sum(1) + (value if float(images.detach().mean()) > 0.5 else 0)

    last = 4 if optimizer == "lbfgs" else 2  # L-BFGS begins anew, once
    said = f"after {last} of 9 steps: the loss became {value}; the best image so far is kept"
    with pytest.warns(StoppedEarly, match=said):
        found = descend(nn.Identity(), of_pixels(measure), grey(), Descent(9, optimizer))
    assert torch.equal(found.images, grey())
    assert float(found.loss) == pytest.approx(48 * 0.25)
    assert torch.isfinite(found.history[0, 0])


def test_the_way_on_to_a_cliff_is_kept():
    """Adam takes some good steps before the loss breaks off; the last good one is returned."""

    def measure(images):
        return (images - 1).square().flatten(1).sum(1) + (float("nan") if float(images.detach().mean()) > 0.6 else 0)

    with pytest.warns(StoppedEarly, match="the loss became nan"):
        found = descend(nn.Identity(), of_pixels(measure), grey(), Descent(50, "adam"))
    assert 0.57 < float(found.images.mean()) <= 0.6
    assert torch.isfinite(found.loss).all()


def test_a_network_of_nan_is_refused_at_the_start():
    model = network()
    loss = style_loss(model, pictures(seed=2), ["relu2"])
    with torch.no_grad():
        model.get_parameter("conv2.weight")[0, 0, 0, 0] = float("nan")
    with pytest.raises(
        NotFinite, match="the loss of the start is nan; check the weights of the loss and of the network"
    ):
        descend(model, loss, pictures(), Descent(3))


@pytest.mark.parametrize("loss", [Loss(()), 0 * norm_loss()])
def test_a_loss_without_weights_is_refused(loss):
    with pytest.raises(BadInput, match="all weights of the loss are zero, so any picture would do"):
        descend(network(), loss, pictures())


def test_a_layer_that_is_not_there_and_images_that_are_none_are_refused():
    model = network()
    lost = Loss((Term("lost", "relu9", lambda features: features.flatten(1).sum(1)),))
    with pytest.raises(LayerNotFound, match="no layer 'relu9'"):
        descend(model, lost, pictures(1, (80, 80)))
    with pytest.raises(NotFinite, match="NaN or infinite pixels"):
        descend(model, norm_loss(), torch.full((1, 3, 4, 4), float("nan")))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "steps of a descent is at least 1, not 0"),
        ({"history": 0}, "history of a descent is at least 1, not 0"),
        ({"learning_rate": 0.0}, "the learning rate of a descent is positive, not 0"),
        ({"learning_rate": -1.0}, "positive, not -1"),
        ({"learning_rate": float("nan")}, "positive, not nan"),
        ({"learning_rate": float("inf")}, "positive, not inf"),
        ({"optimizer": "sgd"}, "descend by one of lbfgs, adam, not 'sgd'"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, message):
    recipe = Descent()
    for name, value in settings.items():
        object.__setattr__(recipe, name, value)
    with pytest.raises(BadInput, match=message):
        inspect.unwrap(Descent.__post_init__)(recipe)
