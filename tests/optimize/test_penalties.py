"""Penalties against closed forms, literal loops and other people's filters."""

import math

import numpy as np
import pytest
import torch
from optimize.linear import MODEL, ascent_raises, batch, same
from scipy import ndimage
from torch import nn

from innerview.core.errors import BadInput
from innerview.optimize import Objective, Reading, bilateral, blur, l1, l2, opacity, total_variation

PENALTIES = [total_variation(), l1(), l2(), blur(), bilateral()]


def gradient_of(objective, images):
    leaf = images.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(objective(MODEL, leaf).sum(), leaf)
    return gradient


def blurred(images, sigma):
    """SciPy's Gaussian blur with periodic borders."""
    filtered = [ndimage.fourier_gaussian(np.fft.fft2(plane), sigma) for plane in images.reshape(-1, *images.shape[2:])]
    return torch.from_numpy(np.fft.ifft2(np.stack(filtered)).real).reshape(images.shape)


def test_total_variation_sums_the_steps_between_neighbours():
    image = torch.zeros(1, 3, 2, 3, dtype=torch.float64)
    image[0, 0] = torch.tensor([[0.0, 1.0, 3.0], [5.0, 5.0, 5.0]])
    assert total_variation()(MODEL, image).tolist() == [(1 + 2) + (5 + 4 + 2)]


@pytest.mark.parametrize("penalty", [*PENALTIES, opacity()], ids=repr)
def test_a_penalty_reads_no_layer(penalty):
    def never(_images):
        pytest.fail("the model ran")

    model = nn.Module()
    model.forward = never
    assert penalty.layers == ()
    assert penalty(model, torch.ones(1, 3, 4, 4), torch.ones(1, 1, 4, 4)).shape == (1,)


@pytest.mark.parametrize("center", [0.5, 0.0, 0.25])
def test_l1_and_l2_are_distances_from_a_grey(center):
    images = batch(2)
    sums, squares = [0.0, 0.0], [0.0, 0.0]
    for image in range(2):
        for value in images[image].flatten().tolist():
            sums[image] += abs(value - center)
            squares[image] += (value - center) ** 2
    same(l1(center)(MODEL, images), torch.tensor(sums, dtype=torch.float64))
    same(l2(center)(MODEL, images), torch.tensor([math.sqrt(1e-6 + one) for one in squares], dtype=torch.float64))


def test_the_gradient_of_l2_is_finite_at_the_grey_itself():
    assert not gradient_of(l2(), torch.full((1, 3, 4, 4), 0.5)).any()


@pytest.mark.parametrize("sigma", [0.775, 2.0, 5.5])
@pytest.mark.parametrize("size", [(6, 7), (9, 9), (8, 16), (1, 5)])
def test_blur_is_an_l2_penalty_that_weighs_each_frequency(size, sigma):
    images = torch.rand(2, 3, *size, dtype=torch.float64)
    height, width = size
    down = np.minimum(np.arange(height), height - np.arange(height)) / height  # cycles per pixel
    right = np.minimum(np.arange(width), width - np.arange(width)) / width
    kernel = np.exp(-2 * np.pi**2 * sigma**2 * (down[:, None] ** 2 + right**2))
    power = np.abs(np.fft.fft2(images.numpy())) ** 2
    wanted = ((1 - kernel) * power).sum((1, 2, 3)) / (2 * height * width)
    same(blur(sigma)(MODEL, images), torch.from_numpy(wanted))


def test_the_gradient_of_blur_is_what_the_blur_takes_away():
    images = batch(2)
    same(gradient_of(blur(1.3), images), images - blurred(images, 1.3))


def test_blur_has_the_gradient_of_a_blur_held_constant():
    """As the article's library writes it: half the squared distance from the blurred image, held constant."""
    images = batch(2)
    leaf = images.clone().requires_grad_()
    held = (leaf - blurred(images, 1.3)).square().sum() / 2
    (gradient,) = torch.autograd.grad(held, leaf)
    same(gradient_of(blur(1.3), images), gradient)


def test_a_step_against_the_gradient_of_blur_blurs():
    images = batch(2)
    same(images - gradient_of(blur(2.0), images), blurred(images, 2.0))


@pytest.mark.filterwarnings("ignore")
def test_the_default_blur_is_as_wide_as_lucents():
    from lucent.optvis import objectives  # noqa: PLC0415

    dot = torch.zeros(1, 3, 9, 9)
    dot[..., 4, 4] = 1
    leaf = dot.clone().requires_grad_()
    objectives.blur_input_each_step()(
        lambda _: leaf
    ).backward()  # negated, so its gradient is the blurred minus the dot
    assert leaf.grad is not None
    theirs = (dot + leaf.grad)[0, 0]
    ours = (dot.double() - gradient_of(blur(), dot.double()))[0, 0]
    place = torch.arange(9) - 4.0
    variances = [float((plane.sum(0) * place**2).sum()) for plane in (theirs, ours)]
    assert variances == pytest.approx([0.6, 0.6], abs=0.01)
    assert float(leaf.grad[0, 0, 4, 4]) == pytest.approx(-float(gradient_of(blur(), dot)[0, 0, 4, 4]), abs=0.1)


def filtered_by_loops(image, spatial, contrast):
    """The bilateral filter's formula, pixel by pixel; outside the border the nearest pixel counts."""
    _, height, width = image.shape
    radius = math.ceil(3 * spatial)
    out = np.zeros_like(image)
    for row in range(height):
        for column in range(width):
            total, weights = np.zeros(3), 0.0
            for down in range(-radius, radius + 1):
                for right in range(-radius, radius + 1):
                    other = image[:, min(max(row + down, 0), height - 1), min(max(column + right, 0), width - 1)]
                    apart = (down**2 + right**2) / spatial**2
                    unlike = ((other - image[:, row, column]) ** 2).sum() / contrast**2
                    weight = math.exp(-(apart + unlike) / 2)
                    total, weights = total + weight * other, weights + weight
            out[:, row, column] = total / weights
    return out


@pytest.mark.parametrize(("spatial", "contrast"), [(1.0, 0.1), (0.7, 0.5), (1.5, 2.0)])
def test_bilateral_is_what_the_filter_takes_away(spatial, contrast):
    images = batch(2)
    taken = torch.stack([one - torch.from_numpy(filtered_by_loops(one.numpy(), spatial, contrast)) for one in images])
    penalty = bilateral(spatial, contrast)
    same(penalty(MODEL, images), taken.square().sum((1, 2, 3)) / 2)
    same(gradient_of(penalty, images), taken)


def test_a_bilateral_filter_that_sees_no_contrast_is_scipys_gaussian():
    image = batch(1)
    ours = image - gradient_of(bilateral(1.0, 1e9), image)
    theirs = ndimage.gaussian_filter(image.numpy(), 1.0, truncate=3, mode="nearest", axes=(2, 3))
    same(ours, torch.from_numpy(theirs))


def test_bilateral_spares_an_edge_that_blur_does_not():
    edge = torch.zeros(1, 3, 12, 12)
    edge[..., 6:] = 1
    noise = 0.5 + 0.05 * torch.randn(1, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    assert float(bilateral()(MODEL, edge)) < 1e-6
    assert float(blur(1.0)(MODEL, edge)) > 1
    assert float(bilateral()(MODEL, noise)) > 0.05


@pytest.mark.parametrize("penalty", [blur(), bilateral()], ids=repr)
def test_a_plain_image_costs_nothing(penalty):
    plain = torch.full((1, 3, 8, 8), 0.3, dtype=torch.float64)
    assert float(penalty(MODEL, plain)) == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize("penalty", [total_variation(), l1(0.2), l2(), blur(0.9)], ids=repr)
def test_the_gradient_is_that_of_the_value(penalty):
    assert torch.autograd.gradcheck(lambda images: penalty(MODEL, images), batch(2)[..., :3, :4].requires_grad_())


@pytest.mark.parametrize("penalty", PENALTIES, ids=repr)
def test_an_ascent_on_minus_a_penalty_lowers_it(penalty):
    faint = 0.45 + 0.05 * batch(2)  # the bilateral filter takes away no strong contrast
    assert ascent_raises(-penalty, MODEL, faint, rate=1e-4)


def test_opacity_is_the_mean_of_the_alpha_plane():
    alpha = torch.rand(2, 1, 5, 4, dtype=torch.float64, requires_grad=True)
    values = opacity()(MODEL, batch(2), alpha)
    same(values, alpha.mean((1, 2, 3)))
    (gradient,) = torch.autograd.grad(values.sum(), alpha)
    same(gradient, torch.full_like(alpha, 1 / 20))


def test_opacity_reaches_through_sums_and_factors():
    alpha = torch.full((2, 1, 6, 7), 0.5, dtype=torch.float64)
    ones = Objective("one", (), lambda reading: torch.ones_like(reading.images[:, 0, 0, 0]))
    assert (ones * (1 - opacity()) - 0.25).measure(Reading(batch(2), {}, MODEL, alpha)).tolist() == [0.25, 0.25]


def test_images_without_an_alpha_plane_have_no_opacity():
    with pytest.raises(BadInput, match=r"opacity\(\) needs transparent images; choose a parameterization with"):
        opacity()(MODEL, batch(2))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: blur(0), "sigma is a positive number, not 0"),
        (lambda: blur(float("nan")), "sigma is a positive number, not nan"),
        (lambda: bilateral(-1.0), "spatial is a positive number, not -1"),
        (lambda: bilateral(1.0, float("inf")), "contrast is a positive number, not inf"),
    ],
)
def test_widths_are_positive(make, message):
    with pytest.raises(BadInput, match=message):
        make()


@pytest.mark.parametrize(
    ("penalty", "name"),
    [
        (total_variation(), "total_variation()"),
        (l1(), "l1(0.5)"),
        (l2(0.0), "l2(0)"),
        (blur(), "blur(0.775)"),
        (bilateral(), "bilateral(1, 0.1)"),
        (opacity(), "opacity()"),
    ],
)
def test_names_say_what_is_penalised(penalty, name):
    assert (penalty.name, penalty.count) == (name, None)
