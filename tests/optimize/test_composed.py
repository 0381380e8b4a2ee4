"""Composed parameterizations: opacity over backgrounds, and images from a generator."""

from typing import Any

import pytest
import torch
from torch import nn

from innerview.core.errors import BadInput
from innerview.core.store import fingerprint
from innerview.optimize import CPPN, Fourier, Latent, Pixels, Transparent, over_background
from innerview.optimize.colors import Colors


def drawing(seed=0):
    return torch.Generator().manual_seed(seed)


def generator_network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.ConvTranspose2d(4, 6, 4, 2, 1),
        nn.BatchNorm2d(6),
        nn.Dropout(0.5),
        nn.ReLU(),
        nn.Conv2d(6, 3, 1),
        nn.Sigmoid(),
    )


@pytest.fixture(scope="module")
def images():
    return torch.rand(3, 4, 20, 16, generator=drawing(5))


def test_the_colours_are_the_bases_and_the_opacity_a_plane_of_its_own():
    for base in (Pixels(sd=0.5), CPPN(hidden=4, layers=1), Fourier(sd=0.3)):
        with torch.no_grad():
            found = Transparent(base).start([4, 5], (12, 10))()
            assert found.shape == (2, 4, 12, 10)
            assert torch.equal(found[:, :3], base.start([4, 5], (12, 10))())
            alpha = torch.sigmoid(Fourier().planes([4, 5], (12, 10), count=1, stream="alpha")())
        assert torch.equal(found[:, 3:], alpha)


def test_opacity_and_colours_start_independently():
    module: Any = Transparent(Fourier(), Fourier()).start(range(8), (32, 32))
    colors, alpha = module.colors.planes.spectrum.detach(), module.alpha.spectrum.detach()
    for plane in range(3):
        pair = torch.stack([colors[:, plane].flatten(), alpha[:, 0].flatten()])
        assert abs(float(torch.corrcoef(pair)[0, 1])) < 0.05


def test_half_opaque_is_half_of_each(images):
    opaque, clear = images.clone(), images.clone()
    opaque[:, 3], clear[:, 3] = 1, 0
    assert torch.equal(over_background(opaque, drawing(1)), images[:, :3])
    background = over_background(clear, drawing(1))
    literal = images[:, 3:] * images[:, :3] + (1 - images[:, 3:]) * background
    torch.testing.assert_close(over_background(images, drawing(1)), literal, rtol=0, atol=1e-6)


def test_the_background_is_one_for_all_images_and_the_generators_alone(images):
    clear = images.clone()
    clear[:, 3] = 0
    torch.manual_seed(1)
    first = over_background(clear, drawing(1))
    torch.manual_seed(2)
    assert torch.equal(first, over_background(clear, drawing(1)))
    assert torch.equal(first[0], first[2])
    assert torch.equal(first[:1], over_background(clear[:1], drawing(1)))
    assert float((first - over_background(clear, drawing(2))).abs().max()) > 0.1


def test_the_background_is_a_fourier_image_of_that_deviation():
    clear = torch.zeros(1, 4, 17, 24)
    found = over_background(clear, drawing(3), sd=0.2)
    planes: Any = Fourier().planes([0], (17, 24))
    with torch.no_grad():
        planes.spectrum.copy_(0.2 * torch.randn(1, 3, 17, 13, 2, generator=drawing(3)))
        assert torch.equal(found, Colors(decorrelated=True)(planes()))


def test_the_gradient_reaches_colours_where_they_show_and_the_opacity(images):
    images = images.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(over_background(images, drawing(1)).sum(), images)
    torch.testing.assert_close(gradient[:, :3], images[:, 3:].detach().expand(-1, 3, -1, -1))
    assert float(gradient[:, 3].abs().min()) > 0


def test_a_latent_is_its_decoded_code():
    decoder = generator_network().eval()
    module: Any = Latent(decoder, (4, 5, 6), sd=0.7).start([3, 9], (10, 12))
    assert module.code.shape == (2, 4, 5, 6)
    with torch.no_grad():
        torch.testing.assert_close(module(), decoder(module.code))
    assert float(module.code.detach().std()) == pytest.approx(0.7, rel=0.2)


def test_each_image_depends_on_its_own_seed_alone():
    kind = Latent(generator_network().train(), (4, 5, 5))
    with torch.no_grad():
        together, alone = kind.start([3, 9], (10, 10))(), kind.start([9], (10, 10))()
    torch.testing.assert_close(together[1:], alone, rtol=0, atol=1e-6)


def test_only_the_code_is_optimised_and_the_callers_decoder_stays_as_it_was():
    decoder = generator_network().train()
    before = fingerprint(decoder)
    module: Any = Latent(decoder, (4, 5, 5)).start([0], (10, 10))
    module().sum().backward()
    assert [name for name, parameter in module.named_parameters() if parameter.requires_grad] == ["code"]
    assert float(module.code.grad.abs().max()) > 0
    assert decoder.training
    assert all(parameter.requires_grad and parameter.grad is None for parameter in decoder.parameters())
    assert fingerprint(decoder) == before


@pytest.mark.parametrize("size", [(10, 10), (7, 21), (64, 32)])
def test_the_output_is_resized_where_the_decoders_differs(size):
    module = Latent(generator_network(), (4, 5, 5)).start([0], size)
    with torch.no_grad():
        images = module()
    assert images.shape == (1, 3, *size)
    assert 0 <= float(images.min()) <= float(images.max()) <= 1


@pytest.mark.parametrize(
    ("decoder", "message"),
    [
        (nn.Identity(), r"the decoder gives \(2, 4, 5, 5\) for 2 codes; it must give images"),
        (nn.Flatten(), r"the decoder gives \(2, 100\) for 2 codes; it must give images"),
        (nn.Conv2d(4, 3, 1), r"the decoder gives colours from -.* to .*; let it end in a sigmoid"),
    ],
)
def test_a_decoder_that_gives_no_images_is_refused(decoder, message):
    with pytest.raises(BadInput, match=message):
        Latent(decoder, (4, 5, 5)).start([0, 1], (5, 5))


def test_a_configuration_has_a_fingerprint_that_its_weights_change():
    one, same, other = (fingerprint(Latent(generator_network(seed), (4, 5, 5))) for seed in (0, 0, 1))
    assert one == same
    assert one != other
