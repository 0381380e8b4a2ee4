"""Input scaling and local response normalization, against PyTorch's own and against the formula written out."""

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn import functional as F

from innerview.core.errors import BadInput
from innerview.models.normalization import LocalResponseNorm, Normalize

GOOGLENET = (5, 1e-4, 0.75, 1.0)
SETTINGS = [
    GOOGLENET,
    (5, 0.3, 0.75, 2.0),
    (3, 0.7, 0.5, 1.0),
    (1, 0.5, 1.0, 1.5),
    (7, 0.9, 2.0, 0.5),
    (9, 0.2, 0.3, 1.0),
]
SHAPES = [(2, 6, 3, 4), (1, 3, 5, 5), (3, 64, 7, 5), (1, 1, 2, 2)]
LAYOUTS = [torch.contiguous_format, torch.channels_last]


def grid(
    *shape: int, layout: torch.memory_format = torch.contiguous_format, dtype: torch.dtype = torch.float64
) -> Tensor:
    values = torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 3
    return values.to(dtype).contiguous(memory_format=layout).requires_grad_()


def value_and_gradient(function: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    y = function(x)
    weights = torch.linspace(-1, 2, y.numel(), dtype=y.dtype).reshape(y.shape)
    (gradient,) = torch.autograd.grad((y * weights).sum(), x)
    return y.detach(), gradient


def literal(x: Tensor, size: int, alpha: float, beta: float, k: float) -> Tensor:
    """Normalise number by number, as the formula in the docstring says."""
    y = torch.empty_like(x)
    batch, channels, height, width = x.shape
    for b in range(batch):
        for i in range(channels):
            for row in range(height):
                for column in range(width):
                    window = range(max(0, i - size // 2), min(channels - 1, i + size // 2) + 1)
                    total = sum(float(x[b, j, row, column]) ** 2 for j in window)
                    y[b, i, row, column] = float(x[b, i, row, column]) * (k + alpha / size * total) ** -beta
    return y


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("shape", SHAPES[:2])
def test_the_formula_written_out(settings, shape):
    x = grid(*shape).detach()
    torch.testing.assert_close(LocalResponseNorm(*settings)(x), literal(x, *settings), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
@pytest.mark.parametrize("layout", LAYOUTS, ids=["contiguous", "channels last"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("settings", SETTINGS)
def test_values_and_gradients_are_pytorchs(settings, shape, layout, dtype, tolerance):
    x = grid(*shape, layout=layout, dtype=dtype)
    ours = value_and_gradient(LocalResponseNorm(*settings), x)
    theirs = value_and_gradient(nn.LocalResponseNorm(*settings), x)
    for found, wanted in zip(ours, theirs, strict=True):
        assert found.dtype == dtype
        torch.testing.assert_close(found, wanted, rtol=tolerance, atol=tolerance * wanted.abs().max().item())


@pytest.mark.parametrize("layout", LAYOUTS, ids=["contiguous", "channels last"])
def test_the_layout_is_kept(layout):
    assert LocalResponseNorm()(grid(2, 6, 3, 4, layout=layout)).is_contiguous(memory_format=layout)


@pytest.mark.parametrize(
    "cut",
    [lambda x: x[:, ::2], lambda x: x[..., 1:3], lambda x: x.transpose(2, 3), lambda x: x[:1].expand(3, -1, -1, -1)],
)
def test_views_are_normalised_like_copies(cut):
    x = cut(grid(2, 8, 4, 5).detach())
    settings = (3, 0.7, 0.75, 1.0)
    ours = value_and_gradient(LocalResponseNorm(*settings), x.requires_grad_())
    copy = value_and_gradient(
        nn.LocalResponseNorm(*settings), x.detach().clone(memory_format=torch.contiguous_format).requires_grad_()
    )
    for found, wanted in zip(ours, copy, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("settings", SETTINGS[1:4])
def test_first_and_second_derivatives_are_those_of_the_function(settings):
    x = grid(2, 4, 2, 2)
    assert torch.autograd.gradcheck(LocalResponseNorm(*settings), x)
    assert torch.autograd.gradgradcheck(LocalResponseNorm(*settings), x)


@pytest.mark.filterwarnings(
    "ignore:.*torch.jit.script:DeprecationWarning"
)  # torch's of itself, at the first dual number
@pytest.mark.parametrize("layout", LAYOUTS, ids=["contiguous", "channels last"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("settings", SETTINGS)
def test_forward_derivatives_are_pytorchs_and_the_transpose_of_the_backward_ones(settings, shape, layout):
    x = grid(*shape, layout=layout)
    tangent = torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    ours, theirs = LocalResponseNorm(*settings), nn.LocalResponseNorm(*settings)
    with forward_ad.dual_level():
        found, wanted = (
            forward_ad.unpack_dual(function(forward_ad.make_dual(x.detach(), tangent))) for function in (ours, theirs)
        )
    assert found.tangent is not None
    torch.testing.assert_close(found.primal, wanted.primal, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(found.tangent, wanted.tangent, rtol=1e-11, atol=1e-12)
    gradient = torch.randn(shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    (back,) = torch.autograd.grad(ours(x), x, gradient)
    assert float((gradient * found.tangent).sum()) == pytest.approx(float((back * tangent).sum()), rel=1e-10)


def test_second_derivatives_are_pytorchs():
    x = grid(2, 6, 2, 3)

    def second(function: nn.Module) -> Tensor:
        (gradient,) = torch.autograd.grad(function(x).pow(3).sum(), x, create_graph=True)
        return torch.autograd.grad(gradient.pow(2).sum(), x)[0]

    settings = (5, 0.3, 0.75, 2.0)
    torch.testing.assert_close(
        second(LocalResponseNorm(*settings)), second(nn.LocalResponseNorm(*settings)), rtol=1e-10, atol=1e-10
    )


def test_the_input_is_left_alone_and_one_image_does_not_change_another():
    x = grid(3, 6, 4, 4).detach()
    before = x.clone()
    whole = LocalResponseNorm()(x)
    assert torch.equal(x, before)
    torch.testing.assert_close(whole[1:2], LocalResponseNorm()(x[1:2]), rtol=0, atol=0)


def test_the_defaults_are_googlenets():
    layer = LocalResponseNorm()
    assert (layer.size, layer.alpha, layer.beta, layer.k) == GOOGLENET
    torch.testing.assert_close(
        layer(grid(1, 8, 2, 2)), F.local_response_norm(grid(1, 8, 2, 2), *GOOGLENET), rtol=1e-12, atol=0
    )


@pytest.mark.parametrize("size", [0, 2, 4, -1])
def test_a_window_without_a_middle_is_refused(size):
    with pytest.raises(BadInput, match=f"an odd number of channels, not {size}"):
        LocalResponseNorm(size)


def test_normalization_is_channel_by_channel_and_channels_last():
    images = torch.rand(2, 3, 4, 5)
    mean, std = (0.1, 0.2, 0.3), (0.5, 0.6, 0.7)
    normalized = Normalize(mean, std)(images)
    for channel in range(3):
        wanted = (images[:, channel] - mean[channel]) / std[channel]
        torch.testing.assert_close(normalized[:, channel], wanted)
    assert normalized.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("one", [0.5, [0.5]])
def test_one_number_serves_all_channels(one):
    images = torch.rand(2, 3, 4, 5)
    torch.testing.assert_close(Normalize(one, 2.0)(images), (images - 0.5) / 2)


def test_mean_and_std_move_with_the_model_and_are_no_weights():
    layer = Normalize(0.5, 0.5).double()
    assert layer(torch.zeros(1, 3, 2, 2).double()).dtype == torch.float64
    assert not layer.state_dict()
    assert not list(layer.parameters())
