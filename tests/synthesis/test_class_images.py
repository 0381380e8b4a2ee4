"""Class images: one step in closed form, the released loop written out, and what every ascent must do."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch import nn

from innerview.core.errors import BadInput, LayerNotFound, NotFinite
from innerview.models import as_classifier
from innerview.models.normalization import Normalize
from innerview.optimize import channel, class_logit
from innerview.synthesis.class_images import class_image, network_mean
from innerview.synthesis.class_recipes import SIMONYAN, YOSINSKI, ClassRecipe

MEAN = (0.4, 0.5, 0.6)
LABELS = ("lemon", "red fox", "grey fox")
SIZE = 9


class Linear(nn.Module):
    """Logits are the inner products of three patterns with the image less the mean."""

    labels = LABELS

    def __init__(self) -> None:
        super().__init__()
        self.normalize = Normalize(MEAN, 1 / 255)
        self.fc = nn.Linear(3 * SIZE * SIZE, 3, bias=False)

    def forward(self, images):
        return self.fc(self.normalize(images).flatten(1))


class Curved(nn.Module):
    """A small network that is not linear."""

    labels = LABELS

    def __init__(self) -> None:
        super().__init__()
        self.normalize = Normalize(MEAN, 1 / 64)
        self.conv = nn.Conv2d(3, 6, 3, padding=1)
        self.fc = nn.Linear(6, 3)

    def forward(self, images):
        return self.fc(torch.tanh(self.conv(self.normalize(images))).square().mean((2, 3)))


def network(kind, seed=0):
    torch.manual_seed(seed)
    return kind().double().eval().requires_grad_(False)


def offsets(images):
    """Pixels in levels relative to the mean."""
    return 255 * (images - torch.tensor(MEAN, dtype=torch.float64).reshape(1, 3, 1, 1))


def pattern(model, index):
    """The gradient of a logit of `Linear` by levels."""
    return model.fc.weight[index].reshape(3, SIZE, SIZE)


def same(found, wanted, tolerance=1e-9):
    torch.testing.assert_close(found, wanted, rtol=tolerance, atol=tolerance)


# Closed form


def test_one_step_from_the_mean_is_the_gradient_times_the_step_size():
    model = network(Linear)
    found = class_image(model, 1, recipe=ClassRecipe(steps=1, step_size=7.0), size=SIZE)
    same(offsets(found.images)[0], 7 * pattern(model, 1), 1e-5)  # the mean is kept in float32
    same(found.values, (7 * pattern(model, 1).square().sum()).reshape(1), 1e-5)
    same(found.history, torch.zeros(1, 1, dtype=torch.float64), 1e-5)
    same(found.probabilities, model(found.images).softmax(1))


def test_the_penalty_and_the_decay_pull_towards_the_mean():
    model, start = network(Linear), torch.rand(1, 3, SIZE, SIZE, dtype=torch.float64)
    x, w = offsets(start)[0], pattern(model, 0)
    penalized = class_image(model, 0, recipe=ClassRecipe(steps=1, step_size=2.0, penalty=0.01), start=start)
    same(offsets(penalized.images)[0], x + 2 * (w - 2 * 0.01 * x), 1e-5)
    decayed = class_image(model, 0, recipe=ClassRecipe(steps=1, step_size=2.0, decay=0.1), start=start)
    same(offsets(decayed.images)[0], 0.9 * (x + 2 * w), 1e-4)


def test_with_progress_a_linear_score_rises_by_just_that_much_up_to_the_largest_step():
    model = network(Linear)
    found = class_image(model, [0, 2], recipe=ClassRecipe(steps=3, step_size=1e6, progress=2.0), size=SIZE)
    same(torch.cat([found.history, found.values[None]])[:, 0], torch.tensor([0.0, 2, 4, 6], dtype=torch.float64), 1e-4)
    limited = class_image(model, [0, 2], recipe=ClassRecipe(steps=1, step_size=0.5, progress=1e6), size=SIZE)
    same(offsets(limited.images)[1], 0.5 * pattern(model, 2), 1e-5)


def test_the_penalized_optimum_of_a_linear_score_is_reached():
    """The gradient of w x - lambda |x|^2 vanishes at x = w / (2 lambda)."""
    model = network(Linear)
    found = class_image(model, 1, recipe=ClassRecipe(steps=60, step_size=10.0, penalty=0.01), size=SIZE)
    same(offsets(found.images)[0], pattern(model, 1) / 0.02, 1e-4)


def test_small_norms_and_small_contributions_are_cut_to_the_mean():
    model, start = network(Linear), torch.rand(1, 3, SIZE, SIZE, dtype=torch.float64)
    still = ClassRecipe(steps=1, step_size=0.0)
    x, w = offsets(start)[0], pattern(model, 0)
    sizes = {"small_norm": x.square().sum(0).sqrt(), "small_contribution": (x * w).sum(0).abs()}
    for name, size in sizes.items():
        cut = offsets(class_image(model, 0, recipe=replace(still, **{name: 50}), start=start).images)[0]
        keep = size >= size.median()  # of 81 pixels the 41st: the percentile itself
        same(cut, torch.where(keep, x, torch.zeros_like(x)), 1e-5)
        assert (cut.abs().sum(0) < 1e-4).sum() == 40


def test_the_window_weighs_the_gradient_by_the_distance_from_the_middle():
    model = network(Linear)
    found = class_image(model, 1, recipe=ClassRecipe(steps=1, step_size=7.0, center=0.2), size=SIZE)
    weights = offsets(found.images)[0] / (7 * pattern(model, 1))
    same(weights[:, 4, 4], torch.ones(3, dtype=torch.float64), 1e-3)
    same(weights[:, 4, 0], torch.full((3,), np.exp(-((4 / 9 / 0.2) ** 2) / 2), dtype=torch.float64), 1e-3)


# The released loop, written out


def literal(model, target, recipe, x, steps):
    """``GradientOptimizer._optimize`` of the released toolbox, in NumPy, for one image."""
    mean = 255 * np.array(MEAN).reshape(1, 3, 1, 1)
    for step in range(steps):
        x = np.minimum(255.0, np.maximum(0.0, x + mean)) - mean
        image = torch.from_numpy((x + mean) / 255).requires_grad_()
        (slope,) = torch.autograd.grad(model(image)[0, target], image)
        grad = slope.numpy() / 255  # by levels
        rate = recipe.step_size
        if recipe.progress is not None:
            rate = min(rate, recipe.progress / np.linalg.norm(grad) ** 2)
        x = x + rate * grad
        x = x * (1 - recipe.decay)
        if recipe.blur > 0 and step % recipe.blur_every == 0:
            for colour in range(3):
                x[0, colour] = gaussian_filter(x[0, colour], recipe.blur)
        if recipe.small_norm > 0:
            norms = np.linalg.norm(x, axis=1)
            x = x - x * (norms < np.percentile(norms, recipe.small_norm))[:, np.newaxis]
        if recipe.small_contribution > 0:
            benefit = np.abs((grad * -x).sum(1))
            x = x - x * (benefit < np.percentile(benefit, recipe.small_contribution))[:, np.newaxis]
    return torch.from_numpy(np.clip((x + mean) / 255, 0, 1))


ALL = ClassRecipe(step_size=3e4, decay=0.05, blur=0.8, blur_every=3, small_norm=20, small_contribution=30)


@pytest.mark.parametrize(
    "recipe", [ALL, replace(ALL, progress=0.01), *YOSINSKI.values()], ids=["all", "progress", *YOSINSKI]
)
def test_the_ascent_is_the_released_loop(recipe):
    model = network(Curved)
    model.normalize.mean = torch.tensor(MEAN, dtype=torch.float64).reshape(1, 3, 1, 1)
    start = torch.rand(2, 3, 14, 11, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    found = class_image(model, [2, 0], recipe=replace(recipe, steps=8, noise=0), start=start)
    for one, target in enumerate((2, 0)):
        begin = offsets(start[one : one + 1]).numpy().copy()
        same(found.images[one : one + 1], literal(model, target, recipe, begin, 8), 1e-8)


def test_every_regulariser_of_the_loop_changes_the_result():
    """So that the comparison above is one of all of them."""
    model, start = network(Curved), torch.rand(1, 3, 14, 11, dtype=torch.float64)
    whole = class_image(model, 1, recipe=replace(ALL, steps=8), start=start).images
    for name in ("decay", "blur", "small_norm", "small_contribution"):
        without = class_image(model, 1, recipe=replace(ALL, steps=8, **{name: 0}), start=start).images
        assert float((whole - without).abs().max()) > 1e-3, name


# Properties


def test_the_score_rises_and_the_image_is_one():
    model = network(Curved)
    found = class_image(model, ["lemon", "red", 2], recipe=ClassRecipe(steps=30, step_size=1e4, noise=10), size=12)
    assert found.images.shape == (3, 3, 12, 12)
    assert found.history.shape == (30, 3)
    assert (found.values > found.history[0]).all()
    assert (found.history.diff(dim=0) > -1e-9).all()
    assert 0 <= found.images.min() <= found.images.max() <= 1
    assert not found.images.requires_grad
    assert found.probabilities.shape == (3, 3)


def test_pixels_stay_in_range_whatever_the_step():
    found = class_image(network(Linear), 0, recipe=ClassRecipe(steps=5, step_size=1e6), size=SIZE)
    assert found.images.amin() == 0
    assert found.images.amax() == 1


def test_a_seed_repeats_and_image_i_starts_from_noise_of_seed_plus_i():
    model, recipe = network(Curved), ClassRecipe(steps=2, step_size=100, noise=20)
    pair = class_image(model, [1, 1], recipe=recipe, size=12, seed=3)
    same(pair.images[:1], class_image(model, 1, recipe=recipe, size=12, seed=3).images)
    same(pair.images[1:], class_image(model, 1, recipe=recipe, size=12, seed=4).images)
    assert float((pair.images[0] - pair.images[1]).abs().mean()) > 0.01


def test_the_noise_has_the_deviation_asked_for_in_levels():
    found = class_image(network(Curved), 1, recipe=ClassRecipe(steps=0, noise=10), size=64)
    assert float(offsets(found.images).std()) == pytest.approx(10, rel=0.03)
    assert found.history.shape == (0, 1)


def test_one_target_serves_several_starts_and_one_start_several_targets():
    model, starts = network(Curved), torch.rand(3, 3, 10, 12, dtype=torch.float64)
    recipe = ClassRecipe(steps=2, step_size=1e4)
    several = class_image(model, "lemon", recipe=recipe, start=starts)
    same(several.images[1:2], class_image(model, "lemon", recipe=recipe, start=starts[1:2]).images)
    shared = class_image(model, [0, 1], recipe=recipe, start=starts[:1])
    same(shared.images[1:], class_image(model, 1, recipe=recipe, start=starts[:1]).images)


def test_an_objective_can_be_the_target():
    model, recipe = network(Curved), ClassRecipe(steps=3, step_size=1e4)
    found = class_image(model, class_logit([0, 1]), recipe=recipe, size=10)
    same(found.images, class_image(model, [0, 1], recipe=recipe, size=10).images)
    other = class_image(model, channel("conv", [0, 4, 5]), recipe=recipe, size=10)
    assert other.images.shape[0] == 3
    same(other.values, channel("conv", [0, 4, 5])(model, other.images))


def test_it_works_where_gradients_are_switched_off():
    model = network(Curved)
    with torch.inference_mode():
        found = class_image(model, 0, recipe=ClassRecipe(steps=2, step_size=1e4), size=10)
    assert found.values[0] > found.history[0, 0]


def test_the_mean_is_the_networks_own():
    assert network_mean(network(Linear)).flatten().tolist() == pytest.approx(MEAN)
    own = as_classifier(nn.Sequential(nn.Flatten(), nn.Linear(3 * 64, 2)), mean=0.3, std=0.2)
    found = class_image(own, 0, recipe=ClassRecipe(steps=0), size=8)
    assert float((found.images - 0.3).abs().max()) < 1e-6
    assert network_mean(nn.Linear(3, 3)).tolist() == [[[[0.5]]]]


def test_pixels_are_precise_where_weights_are_not():
    """In bfloat16 a level would be lost: 200 + 0.5 is 200."""
    rough = as_classifier(nn.Sequential(nn.Flatten(), nn.Linear(3 * 64, 2)).bfloat16())
    found = class_image(rough, 0, recipe=ClassRecipe(steps=2, step_size=1.0), size=8)
    assert found.images.dtype == torch.float32
    assert found.images.unique().numel() > 100


@pytest.mark.mirror
def test_simonyans_recipe_makes_an_image_of_a_class_for_googlenet(googlenet):
    found = class_image(googlenet, "flamingo", recipe=replace(SIMONYAN, steps=12))
    assert float(found.probabilities[0, 130]) > 0.99
    assert float(offsets(found.images.double()).std()) > 2


# Bad input


@pytest.mark.parametrize(
    ("target", "settings", "message"),
    [
        ("fox", {}, "ambiguous"),
        ("lemmon", {}, "no class is called 'lemmon'; near ones: lemon"),
        (3, {}, "class index 3 is out of range"),
        ([], {}, "there is no target"),
        (0, {"size": 0}, "must be positive, not 0"),
        ([0, 1], {"start": torch.rand(3, 3, 9, 9)}, "3 images to start from do not fit 2 targets"),
    ],
)
def test_bad_input_is_refused_in_one_line(target, settings, message):
    with pytest.raises(BadInput, match=message) as raised:
        class_image(network(Curved), target, **settings)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": -1}, "steps of a class image is at least 0, not -1"),
        ({"step_size": float("nan")}, "step_size of a class image is at least 0, not nan"),
        ({"decay": 1.5}, "decay of a class image is from 0 to 1, not 1.5"),
        ({"small_norm": 101}, "small_norm of a class image is from 0 to 100, not 101"),
        ({"blur_every": 0}, "blur_every of a class image is at least 1, not 0"),
        ({"progress": 0.0}, "progress of a class image is at least"),
    ],
)
def test_recipes_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(BadInput, match=message):
        ClassRecipe(**settings)


def test_a_model_in_training_mode_is_refused():
    with pytest.raises(BadInput, match="training mode"):
        class_image(network(Curved).train(), 0)


class Maps(nn.Module):
    """Puts out maps, no logits, and counts how often."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.passes = nn.Conv2d(3, 4, 1), 0

    def forward(self, images):
        self.passes += 1
        return self.conv(images)


def test_a_model_without_logits_is_refused_before_the_ascent():
    model = Maps().eval()
    with pytest.raises(BadInput, match="not \\(b, classes\\)"):
        class_image(model, channel("conv", 0), size=8)
    assert model.passes == 1


def test_an_unknown_layer_of_an_objective_is_told():
    with pytest.raises(LayerNotFound, match="convv"):
        class_image(network(Curved), channel("convv", 0), size=8)


def test_a_start_that_is_not_finite_is_refused():
    with pytest.raises(NotFinite, match="NaN or infinite pixels"):
        class_image(network(Curved), 0, start=torch.full((1, 3, 9, 9), torch.nan))


class Broken(nn.Module):
    """Its score is finite at grey, and infinite where images are lighter."""

    def forward(self, images):
        return torch.stack([1 / (0.6 - images.mean((1, 2, 3))).clamp(min=0), images.mean((1, 2, 3))], 1)


def test_a_score_that_is_not_finite_is_told_with_the_step_and_the_mend():
    with pytest.raises(NotFinite, match=r"NaN or infinite at step 1; lower step_size") as raised:
        class_image(Broken().eval(), 0, recipe=ClassRecipe(steps=3, step_size=1e9), size=8)
    assert "\n" not in str(raised.value)
