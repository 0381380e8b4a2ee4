"""The ascent: that it ascends, repeats, leaves nothing behind, and stops at what is not a number."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity
from torch import nn

from innerview.core.errors import BadInput, LayerNotFound, NotFinite
from innerview.core.seeds import generator
from innerview.optimize import (
    CPPN,
    L2,
    RELEASED,
    Blur,
    BlurSchedule,
    Crop,
    DeadUnit,
    Decorrelated,
    Diverged,
    Fourier,
    Jitter,
    LInf,
    Objective,
    Pad,
    Pixels,
    RawPixels,
    Recipe,
    Smoothed,
    Transparent,
    ascend,
    channel,
    layer,
    opacity,
    over_background,
    visualize,
)

PLAIN = Recipe(steps=8, transforms=())
BRIGHTER = Recipe(steps=40, parameterization=Pixels(decorrelated=False), transforms=())

MEAN = Objective("mean", (), lambda reading: reading.images.flatten(1).mean(1))


def similarity(one, other):
    one, other = (image.movedim(0, -1).double().numpy() for image in (one, other))
    return float(np.asarray(structural_similarity(one, other, channel_axis=-1, data_range=1.0)))


@pytest.fixture(scope="module")
def tiny():
    """A random network with weights that ask for gradients, as anybody's own may."""
    torch.manual_seed(0)
    model: Any = nn.Sequential(nn.Conv2d(3, 8, 5, stride=2), nn.ReLU(), nn.Conv2d(8, 6, 3)).eval()
    with torch.no_grad():
        model[0].weight.mul_(8)  # far from linear, so that the end depends on the start
    return model


@pytest.mark.parametrize("objective", [channel("2", 1), layer("1"), channel("2", 0) - 0.5 * channel("2", 3)], ids=str)
@pytest.mark.parametrize("kind", [Fourier(), Pixels(), Fourier(decorrelated=False)], ids=str)
def test_it_raises_the_objective_of_a_random_network(tiny, objective, kind):
    recipe = Recipe(steps=48, parameterization=kind)
    start = visualize(tiny, objective, size=32, steps=0, recipe=recipe)
    end = visualize(tiny, objective, size=32, recipe=recipe)
    assert float(end.values) > float(start.values) + 0.1
    assert float(end.history[-8:].mean()) > float(end.history[:8].mean()) + 0.05


def test_it_raises_the_objectives_of_the_embedded_model(embedded):
    result = visualize(embedded, channel("blocks.5", [0, 7]), size=64, steps=32)
    start = visualize(embedded, channel("blocks.5", [0, 7]), size=64, steps=0)
    assert (result.values > start.values + 1).all()


def test_the_same_seed_gives_the_same_bits_and_another_seed_another_image(tiny):
    first, again, other = (visualize(tiny, channel("2", 1), size=32, steps=12, seed=seed) for seed in (3, 3, 4))
    assert torch.equal(first.images, again.images)
    assert torch.equal(first.history, again.history)
    assert float((first.images - other.images).abs().max()) > 0.01


# Sums in another order differ in the last bits. Where many positions of a nearly grey image lie at the kink of a
# ReLU at once, these bits decide over whole gradients, and Adam makes steps of full length of them: Fourier images, of
# which every number touches every pixel, then differ in fine detail. Measured: pixels .9999, Fourier .95 to .99.
KINDS = pytest.mark.parametrize(("kind", "least"), [(Pixels(), 0.98), (Fourier(), 0.9)], ids=["pixels", "fourier"])


@KINDS
def test_an_image_is_the_same_alone_and_in_a_batch(embedded, kind, least):
    recipe = Recipe(steps=24, parameterization=kind)
    together = visualize(embedded, channel("blocks.1", [1, 5, 5]), size=64, seed=10, recipe=recipe)
    for place, index in enumerate([1, 5, 5]):
        alone = visualize(embedded, channel("blocks.1", index), size=64, seed=10 + place, recipe=recipe)
        assert similarity(together.images[place], alone.images[0]) > least
    assert similarity(together.images[0], together.images[1]) < 0.8


@KINDS
def test_one_and_two_threads_make_the_same_image(embedded, kind, least):
    before = torch.get_num_threads()
    results = []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            recipe = Recipe(steps=24, parameterization=kind)
            results.append(visualize(embedded, channel("blocks.1", 1), size=64, recipe=recipe))
    finally:
        torch.set_num_threads(before)
    assert similarity(*(result.images[0] for result in results)) > least
    assert float(results[0].values) == pytest.approx(float(results[1].values), rel=0.05)


def test_history_and_values_are_the_objective_of_the_images(tiny):
    objective = channel("2", [1, 3])
    result = visualize(tiny, objective, size=(20, 28), recipe=PLAIN)
    assert result.images.shape == (2, 3, 20, 28)
    assert result.history.shape == (8, 2)
    assert result.objective == "channel(2, 1, 3)"
    assert not result.images.requires_grad
    with torch.no_grad():
        start = PLAIN.parameterization.start([0, 1], (20, 28))()
        torch.testing.assert_close(result.history[0], objective(tiny, start))
        torch.testing.assert_close(result.values, objective(tiny, result.images))
    shorter = visualize(tiny, objective, size=(20, 28), recipe=PLAIN, steps=5)
    torch.testing.assert_close(result.history[5], shorter.values)


def test_no_steps_give_the_start(tiny):
    result = visualize(tiny, channel("2", [1, 1]), size=16, steps=0, seed=5)
    with torch.no_grad():
        assert torch.equal(result.images, Fourier().start([5, 6], (16, 16))())
    assert result.history.shape == (0, 2)


def test_steps_replace_those_of_the_recipe_and_text_stands_for_an_objective(tiny):
    result = visualize(tiny, "channel:2:1 - 0.5*layer:1", size=20, steps=3, recipe=PLAIN)
    assert result.history.shape == (3, 1)
    assert result.objective == "(channel(2, 1) - (0.5 * layer(1)))"


def test_a_step_is_one_of_adam(tiny):
    """The first step of Adam moves every number by the learning rate, up the gradient."""
    recipe = Recipe(steps=1, learning_rate=0.05, parameterization=Pixels(decorrelated=False), transforms=())
    start, end = (torch.logit(visualize(tiny, channel("2", 1), size=16, steps=n, recipe=recipe).images) for n in (0, 1))
    leaf = start.sigmoid().requires_grad_()
    (gradient,) = torch.autograd.grad(channel("2", 1)(tiny, leaf).sum(), leaf)
    large = gradient.abs() > 1e-4  # where Adam's epsilon does not show
    torch.testing.assert_close((end - start)[large], 0.05 * gradient.sign()[large], rtol=0, atol=1e-4)


def test_transforms_of_a_step_are_the_same_for_every_seed_and_change_from_step_to_step(tiny):
    seen = []

    def note(images, generator):
        seen.append(int(torch.randint(10**9, (), generator=generator)))
        return images

    for seed in (0, 1):
        visualize(tiny, channel("2", 1), size=16, seed=seed, recipe=Recipe(steps=5, transforms=(note,)))
    assert seen[:5] == seen[5:]
    assert len(set(seen)) == 5


def test_the_network_computes_no_gradients_of_its_weights(tiny):
    visualize(tiny, channel("2", 1), size=16, steps=2)
    assert [parameter.grad for parameter in tiny.parameters()] == [None] * 4


def test_it_is_quiet_unless_asked(tiny, capsys):
    visualize(tiny, channel("2", 1), size=16, steps=2)
    assert capsys.readouterr() == ("", "")
    visualize(tiny, channel("2", 1), size=16, steps=2, progress=True)
    assert "channel(2, 1)" in capsys.readouterr().err


@pytest.fixture(scope="module")
def breaking():
    """A mean, with a logarithm that is no number once the mean passes 0.6; and the step at which it does."""
    free = visualize(nn.Identity(), MEAN, size=8, recipe=BRIGHTER)
    step = int((free.history[:, 0] > 0.6).nonzero()[0, 0])
    assert 2 < step < 38
    limited = Objective("limited", (), lambda reading: MEAN.measure(reading) + 0 * (0.6 - MEAN.measure(reading)).log())
    return limited, step


def test_an_objective_that_is_no_number_stops_at_its_step_with_the_last_good_image(breaking):
    objective, step = breaking
    with pytest.raises(Diverged, match=rf"limited became NaN or infinite at step {step};") as caught:
        visualize(nn.Identity(), objective, size=8, recipe=BRIGHTER)
    good = visualize(nn.Identity(), MEAN, size=8, steps=step - 1, recipe=BRIGHTER).images
    assert torch.equal(caught.value.images, good)
    assert not caught.value.images.requires_grad
    assert isinstance(caught.value, NotFinite)


def test_an_objective_that_is_no_number_after_the_last_step_is_found(breaking):
    objective, step = breaking
    with pytest.raises(Diverged, match="limited became NaN or infinite at the end") as caught:
        visualize(nn.Identity(), objective, size=8, steps=step, recipe=BRIGHTER)
    assert torch.equal(
        caught.value.images, visualize(nn.Identity(), MEAN, size=8, steps=step - 1, recipe=BRIGHTER).images
    )


@pytest.mark.parametrize("steps", [1, 5])
def test_a_gradient_that_is_no_number_is_found_at_its_step(steps):
    root = Objective("root", (), lambda reading: (0 * MEAN.measure(reading)).sqrt())  # its slope is 0 times infinity
    with pytest.raises(Diverged, match="root became NaN or infinite in its gradient at step 0") as caught:
        visualize(nn.Identity(), root, size=8, steps=steps)
    assert torch.isfinite(caught.value.images).all()


@pytest.mark.parametrize("weight", [float("inf"), float("nan")])
@pytest.mark.parametrize("steps", [0, 3])
def test_weights_that_are_no_numbers_stop_the_first_step_and_leave_no_hook(weight, steps):
    model: Any = nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU())
    with torch.no_grad():
        model[0].weight.fill_(weight)
    where = "step 0" if steps else "the end"
    with pytest.raises(Diverged, match=f"NaN or infinite at {where}") as caught:
        visualize(model, channel("0", 1), size=16, steps=steps)
    with torch.no_grad():
        assert torch.equal(caught.value.images, Fourier().start([0], (16, 16))())
    assert not any(module._forward_hooks for module in model.modules())


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"size": 0}, BadInput, r"size \(0x0\) and steps"),
        ({"size": (16, -1)}, BadInput, r"size \(16x-1\)"),
        ({"steps": -1}, BadInput, r"steps \(-1\) must be positive"),
        ({"size": 4}, BadInput, "images of 4x4 pixels are too small for layers"),
        ({"recipe": Recipe(transforms=(Jitter(16),))}, BadInput, "a jitter of 16 pixels leaves nothing"),
        ({"recipe": Recipe(transforms=(Crop(8),))}, BadInput, "cropping 8 pixels leaves nothing of images of 16x16"),
        ({"recipe": Recipe(transforms=(Crop(6),))}, BadInput, "images of 4x4 pixels are too small for layers"),
        ({"recipe": Recipe(learning_rate=-0.1)}, BadInput, "a learning rate is a positive number, not -0.1"),
        ({"recipe": Recipe(learning_rate=float("nan"))}, BadInput, "a learning rate is a positive number, not nan"),
        ({"recipe": Recipe(pieces=0)}, BadInput, "pieces must hold at least one image, not 0"),
        ({"snapshots": (0, 3)}, BadInput, "no snapshot can be taken after 3 steps; the ascent has 2"),
        ({"snapshots": (-1,)}, BadInput, "no snapshot can be taken after -1 steps"),
        ({"objective": channel("2", 6)}, BadInput, "'2' has the channels 0 to 5; 6 is out of range"),
        ({"objective": channel("3", 0)}, LayerNotFound, "no layer '3'"),
        ({"objective": "chanel:2:1"}, BadInput, "near ones: channel"),
    ],
)
def test_what_cannot_be_made_is_said(tiny, change, error, message):
    asked = {"objective": channel("2", 1), "size": 16, "steps": 2, "recipe": Recipe(transforms=())} | change
    with pytest.raises(error, match=message):
        visualize(tiny, asked.pop("objective"), **asked)
    assert not any(module._forward_hooks for module in tiny.modules())


# Snapshots


@pytest.mark.parametrize("kind", [Fourier(), Pixels(), RawPixels()], ids=str)
def test_a_snapshot_is_what_a_shorter_ascent_ends_with(tiny, kind):
    recipe = Recipe(steps=7, parameterization=kind, transforms=(Jitter(2),))
    whole = visualize(tiny, channel("2", [1, 3]), size=20, recipe=recipe, snapshots=(7, 0, 3))
    assert sorted(whole.snapshots) == [0, 3, 7]
    for step, images in whole.snapshots.items():
        shorter = visualize(tiny, channel("2", [1, 3]), size=20, recipe=recipe, steps=step)
        assert torch.equal(images, shorter.images)
        assert not images.requires_grad
    assert not torch.equal(whole.snapshots[0], whole.snapshots[3])
    assert torch.equal(whole.snapshots[7], whole.images)
    assert visualize(tiny, channel("2", 1), size=20, recipe=PLAIN).snapshots == {}


# Dead units


@pytest.fixture(scope="module")
def half_dead():
    """Channels behind a ReLU: 0 alive, 1 asleep until the image is bright, 2 dead, 3 asleep once it is dark."""
    model: Any = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU())
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([1.0, 1.0, 0.0, 1.0])[:, None, None, None].expand(4, 3, 1, 1))
        model[0].bias.copy_(torch.tensor([1.0, -1.6, -1.0, -1.4]))
    return model


def test_a_dead_unit_is_an_error_that_names_it(half_dead):
    with pytest.raises(DeadUnit, match=r"channel\(1, 2\) stayed 0 at all 8 steps: a dead unit") as caught:
        visualize(half_dead, channel("1", 2), size=8, recipe=PLAIN)
    assert isinstance(caught.value, BadInput)
    with pytest.raises(DeadUnit, match="stayed 0 at all 3 steps"):
        visualize(half_dead, channel("1", [2, 2]), size=8, recipe=PLAIN, steps=3)


def test_a_dead_unit_beside_one_that_lives_is_marked_alone(half_dead):
    found = visualize(half_dead, channel("1", [2, 0, 2]), size=8, recipe=PLAIN)
    assert found.dead.tolist() == [True, False, True]


def test_the_batch_form_leaves_dead_units_to_the_caller(half_dead):
    found = ascend(half_dead, channel("1", [2, 2]), size=8, seed=0, recipe=PLAIN)
    assert found.dead.tolist() == [True, True]
    assert found.values.tolist() == [0, 0]


def test_a_unit_that_wakes_or_falls_asleep_is_not_dead(half_dead):
    woken = visualize(half_dead, channel("1", 1), size=8, recipe=BRIGHTER)
    assert float(woken.history[0]) == 0 < float(woken.values)
    assert woken.dead.tolist() == [False]
    asleep = visualize(half_dead, -channel("1", 3), size=8, recipe=BRIGHTER)
    assert float(asleep.history[0]) < 0 == float(asleep.values)
    assert asleep.dead.tolist() == [False]


def test_without_a_step_no_unit_is_called_dead(half_dead):
    assert visualize(half_dead, channel("1", 2), size=8, steps=0).dead.tolist() == [False]


# Transparent images

CLEAR = Recipe(steps=6, parameterization=Transparent(), learning_rate=0.2)


@pytest.mark.parametrize("transforms", [(), RELEASED], ids=["none", "released"])
def test_transparent_images_are_three_planes_and_their_opacity(tiny, transforms):
    recipe = replace(CLEAR, transforms=transforms)
    found = visualize(tiny, channel("2", [1, 3]), size=(20, 24), recipe=recipe, snapshots=(0, 6))
    assert found.alpha is not None
    assert found.images.shape == (2, 3, 20, 24)
    assert found.alpha.shape == (2, 1, 20, 24)
    assert 0 < float(found.alpha.min()) < float(found.alpha.max()) < 1
    assert not found.alpha.requires_grad
    assert all(images.shape == (2, 3, 20, 24) for images in found.snapshots.values())
    assert torch.equal(found.snapshots[6], found.images)
    over_grey = found.images * found.alpha + 0.5 * (1 - found.alpha)
    with torch.no_grad():
        torch.testing.assert_close(found.values, channel("2", [1, 3])(tiny, over_grey))


def test_images_that_cover_all_have_no_opacity(tiny):
    assert visualize(tiny, channel("2", 1), size=20, recipe=PLAIN).alpha is None


def test_the_opacity_is_an_objective_beside_the_others(tiny):
    clear = visualize(tiny, -opacity(), size=20, recipe=CLEAR)
    opaque = visualize(tiny, opacity(), size=20, recipe=CLEAR)
    for found, sign in ((clear, -1), (opaque, 1)):
        assert found.alpha is not None
        torch.testing.assert_close(found.values, sign * found.alpha.mean((1, 2, 3)))
        assert float(found.values) > float(found.history[0]) + 0.05
    free, cleared = (
        visualize(tiny, channel("2", 1) - weight * opacity(), size=20, recipe=CLEAR) for weight in (0, 1000)
    )
    assert free.alpha is not None
    assert cleared.alpha is not None
    assert float(cleared.alpha.mean()) < float(free.alpha.mean()) - 0.05


def test_a_transparent_image_is_seen_over_another_background_at_each_step(tiny):
    seen = []

    def note(images, generator):
        seen.append(images.detach().clone())
        return images

    recipe = Recipe(steps=3, learning_rate=1e-9, parameterization=Transparent(), transforms=(note,))
    visualize(tiny, channel("2", 1), size=16, recipe=recipe, seed=4)
    with torch.no_grad():
        start = Transparent().start([4], (16, 16))()
        for step, images in enumerate(seen):
            wanted = over_background(start, generator("transforms", step))
            torch.testing.assert_close(images, wanted, rtol=0, atol=1e-5)
    assert float((seen[0] - seen[1]).abs().mean()) > 0.05


def test_a_transparent_image_that_diverges_is_returned_without_its_opacity(tiny):
    huge = Objective("huge", (), lambda reading: 1e38 * (1e3 + MEAN.measure(reading)))
    with pytest.raises(Diverged) as caught:
        visualize(tiny, huge, size=16, recipe=CLEAR)
    assert caught.value.images.shape == (1, 3, 16, 16)


# Steepest ascent under a metric


@pytest.mark.parametrize("metric", [L2(), LInf(), Decorrelated(), Smoothed()], ids=str)
def test_a_step_under_a_metric_is_the_rate_times_its_direction(tiny, metric):
    recipe = Recipe(
        steps=1, learning_rate=0.04, parameterization=RawPixels(), transforms=(), metric=metric, redirected_steps=0
    )
    objective = channel("2", [1, 4])
    start, end = (visualize(tiny, objective, size=16, steps=steps, recipe=recipe).images for steps in (0, 1))
    leaf = start.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(objective(tiny, leaf).sum(), leaf)
    assert float((end - start).abs().amax()) > 1e-3
    torch.testing.assert_close(end, start + 0.04 * metric(gradient), rtol=0, atol=1e-6)
    if metric == L2():
        lengths = (end - start).flatten(1).norm(dim=1)
        torch.testing.assert_close(lengths, torch.full((2,), 0.04), rtol=1e-3, atol=0)


def test_steepest_ascent_ascends_and_stays_in_range(tiny):
    recipe = Recipe(steps=24, learning_rate=0.5, parameterization=RawPixels(), transforms=(), metric=L2())
    found = visualize(tiny, channel("2", 1), size=16, recipe=recipe)
    assert float(found.values) > float(found.history[0]) + 0.1
    assert float(found.images.min()) >= 0
    assert float(found.images.max()) <= 1


@pytest.mark.parametrize("kind", [Fourier(), CPPN(hidden=4, layers=1), Transparent()], ids=["fourier", "cppn", "clear"])
def test_a_metric_is_refused_where_the_parameters_are_no_pixels(tiny, kind):
    with pytest.raises(BadInput, match="a metric moves pixels; use it with"):
        visualize(tiny, channel("2", 1), size=16, recipe=Recipe(parameterization=kind, metric=L2(), steps=1))


# One image at a time


def test_in_pieces_of_one_an_image_is_the_same_to_the_last_bit_alone_and_in_a_batch(embedded):
    recipe = Recipe(steps=12, pieces=1)
    together = visualize(embedded, channel("blocks.3", [1, 5, 5]), size=48, seed=10, recipe=recipe)
    for place, index in enumerate([1, 5, 5]):
        alone = visualize(embedded, channel("blocks.3", index), size=48, seed=10 + place, recipe=recipe)
        assert torch.equal(together.images[place], alone.images[0])
        assert torch.equal(together.history[:, place], alone.history[:, 0])
        assert torch.equal(together.values[place], alone.values[0])


# Schedules


def test_a_schedule_is_at_the_share_of_the_steps_that_are_done(tiny):
    shares = []

    class Noting:
        def at(self, share):
            shares.append(share)
            return Pad(0)

    visualize(tiny, channel("2", 1), size=16, recipe=Recipe(steps=5, transforms=(Noting(),)))
    assert shares == [0, 0.2, 0.4, 0.6, 0.8]


def test_a_scheduled_blur_is_what_the_network_sees_at_each_step(tiny):
    recipe = Recipe(steps=4, learning_rate=0.3, transforms=(BlurSchedule(4.0, 0.0),))
    found = visualize(tiny, channel("2", 1), size=20, recipe=recipe, snapshots=range(4))
    for step, sigma in enumerate((4.0, 3.0, 2.0, 1.0)):
        blurred = Blur(sigma)(found.snapshots[step], generator())
        with torch.no_grad():
            torch.testing.assert_close(found.history[step], channel("2", 1)(tiny, blurred))


# Gradients that never arrive


class Detaching(nn.Module):
    """Looks at a copy of the images that no gradient passes."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 1)

    def forward(self, images):
        return self.conv(images.detach())


class Forgetting(Detaching):
    """Runs without a graph."""

    def forward(self, images):
        with torch.no_grad():
            return self.conv(images)


@pytest.mark.parametrize("model", [Detaching(), Forgetting()], ids=["detached", "no grad"])
def test_an_image_that_no_gradient_reaches_is_said(model):
    with pytest.raises(BadInput, match=r"no gradient of channel\(conv, 1\) reaches the image; the model detaches it"):
        visualize(model, channel("conv", 1), size=8, steps=2)
    assert not any(module._forward_hooks for module in model.modules())
    assert visualize(model, channel("conv", 1), size=8, steps=0).images.shape == (1, 3, 8, 8)


class Partly(nn.Module):
    """Images that depend on one parameter of two."""

    def __init__(self):
        super().__init__()
        self.used = nn.Parameter(torch.full((1, 3, 8, 8), 0.5))
        self.unused = nn.Parameter(torch.ones(2))

    def forward(self):
        return self.used.clone()

    def start(self, seeds, size):
        assert (len(seeds), size) == (1, (8, 8))
        return self


def test_a_parameter_that_the_images_do_not_depend_on_stays():
    both = Partly()
    found = visualize(nn.Identity(), MEAN, size=8, recipe=Recipe(steps=3, parameterization=both, transforms=()))
    assert float(found.values) > 0.6
    assert both.unused.tolist() == [1, 1]


@pytest.mark.mirror
def test_a_channel_of_googlenet_becomes_a_colourful_picture(googlenet):
    """Neither grey nor saturated; we see mean 0.45, standard deviation 0.15, nothing clipped, 120 times the start."""
    start = visualize(googlenet, channel("inception_4c", 100), size=96, steps=0)
    result = visualize(googlenet, channel("inception_4c", 100), size=96, steps=64)
    image = result.images[0].numpy()
    assert 0.2 < image.mean() < 0.8
    assert image.std() > 0.12
    assert np.mean((image < 1 / 255) | (image > 254 / 255)) < 0.02
    assert all(plane.std() > 0.05 for plane in image)
    assert np.ptp(image, axis=0).mean() > 0.05  # colours, not greys
    assert float(result.values) > 10 * float(start.values.abs())
