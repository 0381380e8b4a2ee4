"""Maps out of whatever a layer puts out: told by the image's proportions, declared, or refused with the mend."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision import models

from innerview.attribution.cams import counterfactual_grad_cam, grad_cam
from innerview.attribution.tokens import as_maps, with_token_grid
from innerview.core.errors import BadInput
from innerview.models import as_classifier, torchvision_models

PLAIN = nn.Identity()


def numbered(*shape: int) -> Tensor:
    return torch.arange(torch.Size(shape).numel(), dtype=torch.float64).reshape(shape)


def images(height: int, width: int) -> Tensor:
    return torch.zeros(2, 3, height, width)


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((2, 5, 7, 7), (64, 64)),
        ((2, 7, 7, 7), (64, 64)),  # nothing tells; channels first is the usual
        ((2, 24, 32, 43), (96, 128)),  # 24 to 32 is 96 to 128, too, but so are 32 and 43 with a border
        ((2, 4, 3, 5), (64, 64)),  # so are 3 and 5: one place off either way
        ((2, 9, 8, 5), (64, 48)),  # a border cut off
        ((2, 30, 2, 9), (64, 64)),  # fits nothing either way
        ((2, 1, 8, 8), (64, 64)),
    ],
)
def test_convolutions_stay_as_they_are(shape: tuple[int, ...], size: tuple[int, int]) -> None:
    output = numbered(*shape)
    assert torch.equal(as_maps(PLAIN, "a", output, images(*size)), output)


@pytest.mark.parametrize(
    ("grid", "size"), [((2, 2), (64, 64)), ((7, 7), (224, 224)), ((3, 5), (96, 160)), ((2, 3), (48, 80))]
)
def test_channels_last_is_told_by_the_images_proportions(grid: tuple[int, int], size: tuple[int, int]) -> None:
    output = numbered(2, *grid, 96)
    found = as_maps(PLAIN, "a", output, images(*size))
    assert found.shape == (2, 96, *grid)
    assert found[1, 40, 1, 0] == output[1, 1, 0, 40]


@pytest.mark.parametrize(
    ("tokens", "size", "grid"),
    [
        (16, (64, 64), (4, 4)),  # Swin, as timm had it
        (197, (224, 224), (14, 14)),  # a class token
        (198, (224, 224), (14, 14)),  # and a distillation token
        (261, (224, 224), (16, 16)),  # a class token and four registers, patches of 14
        (260, (224, 224), (16, 16)),
        (25, (48, 128), (3, 8)),
        (24, (48, 128), (3, 8)),
        (25, (128, 48), (8, 3)),
        (50, (230, 230), (7, 7)),  # patches of 32, and pixels left over
        (17, (48, 48), (4, 4)),
    ],
)
def test_tokens_that_stand_for_no_place_are_left_out(tokens: int, size: tuple[int, int], grid: tuple[int, int]) -> None:
    output = numbered(2, tokens, 3)
    found = as_maps(PLAIN, "a", output, images(*size))
    assert found.shape == (2, 3, *grid)
    first = tokens - grid[0] * grid[1]
    for row, column in [(0, 0), (0, 1), (1, 0), (grid[0] - 1, grid[1] - 1)]:
        assert torch.equal(found[:, :, row, column], output[:, first + row * grid[1] + column])


def test_the_networks_own_size_counts() -> None:
    model = as_classifier(nn.Sequential(nn.Identity()), size=(32, 64))
    assert as_maps(model, "a", numbered(2, 33, 3), images(200, 200)).shape == (2, 3, 4, 8)
    with pytest.raises(BadInput):
        as_maps(as_classifier(nn.Sequential(nn.Identity())), "a", numbered(2, 33, 3), images(200, 200))


@pytest.mark.parametrize("shape", [(2, 5), (2, 5, 1, 1), (2, 1, 1, 5), (2, 1, 5), (2, 5, 2, 2, 2)])
def test_no_positions_no_map(shape: tuple[int, ...]) -> None:
    with pytest.raises(BadInput, match="layer 'head' has no spatial map"):
        as_maps(PLAIN, "head", numbered(*shape), images(64, 64))


def test_tokens_that_lie_nobody_knows_how() -> None:
    with pytest.raises(BadInput, match=r"'blocks.3' puts out 22 tokens, nothing tells.*with_token_grid\(model"):
        as_maps(PLAIN, "blocks.3", numbered(2, 22, 3), images(64, 64))


class Tokens(nn.Module):
    """Convolves to 3 rows and 7 columns whatever the image, puts a class token in front, and reads all of it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.pool, self.norm = nn.Conv2d(3, 5, 3), nn.AdaptiveAvgPool2d((3, 7)), nn.LayerNorm(5)
        self.fc = nn.Linear(22 * 5, 3)

    def forward(self, pixels: Tensor) -> Tensor:
        places = self.pool(self.conv(pixels)).flatten(2).mT
        return self.fc(self.norm(torch.cat([places.mean(1, keepdim=True), places], 1)).flatten(1))


def test_a_grid_given_by_the_user() -> None:
    torch.manual_seed(0)
    model = Tokens().double().eval()
    pixels = torch.rand(2, 3, 20, 20, dtype=torch.float64)
    declaring = with_token_grid(model, (3, 7))
    found = grad_cam(declaring, pixels, 1, "norm")
    taken: list[Tensor] = []
    handle = model.norm.register_forward_hook(lambda _layer, _inputs, output: taken.append(output.detach()))
    model(pixels)
    handle.remove()
    maps = taken[0][:, 1:].mT.reshape(2, 5, 3, 7)
    alpha = model.fc.weight[1].reshape(22, 5)[1:].mean(0)
    torch.testing.assert_close(found, torch.einsum("k,bkrc->brc", alpha, maps).relu().detach())
    assert type(declaring) is Tokens
    assert declaring.norm is model.norm
    assert not hasattr(model, "token_grid")
    with pytest.raises(BadInput, match="22 tokens"):
        grad_cam(model, pixels, 1, "norm")


def test_a_given_grid_goes_before_what_would_be_found() -> None:
    declaring = with_token_grid(PLAIN, (2, 8))
    output = numbered(2, 17, 3)
    found = as_maps(declaring, "a", output, images(64, 64))
    assert torch.equal(found, output[:, 1:].mT.reshape(2, 3, 2, 8))
    with pytest.raises(BadInput, match="10 tokens, too few for 2x8 places"):
        as_maps(declaring, "a", numbered(2, 10, 3), images(64, 64))


@pytest.mark.parametrize("grid", [(1, 1), (0, 4), (-2, -2)])
def test_a_grid_without_places(grid: tuple[int, int]) -> None:
    with pytest.raises(BadInput, match="at least two places"):
        with_token_grid(PLAIN, grid)


def test_grad_cam_of_a_vision_transformer_leaves_the_class_token_out() -> None:
    torch.manual_seed(0)
    model: Any = models.VisionTransformer(32, 8, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32, num_classes=5)
    nn.init.normal_(model.heads.head.weight)
    model = model.double().eval()
    pixels = torch.rand(2, 3, 32, 32, dtype=torch.float64)
    block = model.encoder.layers[1]
    below = (
        torch.cat([model.class_token.expand(2, -1, -1), model._process_input(pixels)], 1) + model.encoder.pos_embedding
    )
    tokens = block.ln_1(model.encoder.layers[0](below)).detach().requires_grad_()
    attended = model.encoder.layers[0](below).detach() + block.self_attention(tokens, tokens, tokens)[0]
    logits = model.heads(model.encoder.ln(attended + block.mlp(block.ln_2(attended)))[:, 0])
    (slope,) = torch.autograd.grad(logits[:, 3].sum(), tokens)
    alpha = slope[:, 1:].mean(1)
    wanted = torch.einsum("bk,bnk->bn", alpha, tokens[:, 1:]).reshape(2, 4, 4).detach()
    assert wanted.any()
    torch.testing.assert_close(grad_cam(model, pixels, 3), wanted.relu())
    torch.testing.assert_close(counterfactual_grad_cam(model, pixels, 3), (-wanted).relu())


def test_swin_is_read_alike_declared_and_not() -> None:
    torch.manual_seed(0)
    network: Any = models.SwinTransformer([4, 4], 8, [1, 1], [2, 2], [2, 2], num_classes=5).double().eval()
    declared = as_classifier(network, mean=0, std=1, channels_last=torchvision_models.channels_last("swin", network))
    pixels = torch.rand(2, 3, 24, 40, dtype=torch.float64)
    found = grad_cam(network, pixels, 2, "norm")
    assert found.shape == (2, 3, 5)
    assert found.any()
    torch.testing.assert_close(grad_cam(declared, pixels, 2, "norm"), found)
    maps = network.norm(network.features(pixels)).detach()
    wanted = torch.einsum("k,brck->brc", network.head.weight[2] / 15, maps).relu().detach()
    torch.testing.assert_close(found, wanted)
