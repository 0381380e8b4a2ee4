"""The ascent: that it ascends, repeats, leaves nothing behind, and stops at what is not a number."""

from typing import Any

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity
from torch import nn

from innerview.core.errors import BadInput, LayerNotFound, NotFinite
from innerview.optimize import Diverged, Fourier, Jitter, Objective, Pixels, Recipe, channel, layer, visualize

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
