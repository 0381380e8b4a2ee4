"""Occlusion: the sum of a linear model's weights, a loop over windows, captum, and where windows end."""

import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from innerview.attribution.occlusion import occlusion, spread
from innerview.attribution.targets import ClassScores
from innerview.core.errors import BadInput, NotFinite
from innerview.optimize import channel, class_logit

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from captum.attr import Occlusion


class Linear(nn.Module):
    """One weight for each class and number of the image."""

    def __init__(self, height: int, width: int, classes: int = 3) -> None:
        super().__init__()
        self.weight = nn.Parameter(
            torch.randn(classes, 3, height, width, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        )

    def forward(self, images: Tensor) -> Tensor:
        return torch.einsum("bchw,kchw->bk", images, self.weight)


class Curved(nn.Module):
    """Two convolutions and a linear layer: no window's effect is a sum. Counts its passes and their images."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv1, self.conv2 = nn.Conv2d(3, 5, 3, padding=1), nn.Conv2d(5, 4, 3, stride=2)
        self.fc = nn.Linear(192, 4)
        self.seen: list[int] = []
        with torch.no_grad():  # no class wins for all images
            self.fc.bias -= self(torch.rand(16, 3, 13, 17) * torch.rand(16, 3, 1, 1)).mean(0)
        self.double().eval()

    def forward(self, images: Tensor) -> Tensor:
        self.seen.append(len(images))
        return self.fc(torch.tanh(self.conv2(torch.relu(self.conv1(images * 4)))).flatten(1))


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.rand(3, 3, 13, 17, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.fixture(scope="module")
def curved() -> Curved:
    return Curved()


def test_a_linear_model_loses_its_weights_times_what_the_window_took_away(images: Tensor) -> None:
    model = Linear(13, 17).eval()
    maps = occlusion(model, images, [2, 0, 1], patch=(4, 5), stride=(3, 4), baseline=0.25)
    evidence = (model.weight[[2, 0, 1]] * (images - 0.25)).sum(1)
    tops, lefts = (0, 3, 6, 9), (0, 4, 8, 12)  # the first windows that reach row 13 and column 17
    expected = torch.stack(
        [torch.stack([evidence[:, y : y + 4, x : x + 5].sum((1, 2)) for x in lefts], 1) for y in tops], 1
    )
    torch.testing.assert_close(maps, expected.detach())


@pytest.mark.parametrize(
    ("side", "patch", "stride", "count"),
    [(13, 4, 3, 4), (13, 4, 4, 4), (13, 4, 2, 6), (13, 13, 5, 1), (13, 12, 6, 2), (12, 4, 4, 3), (13, 1, 1, 13)],
)
def test_windows_go_on_until_one_reaches_the_edge(side: int, patch: int, stride: int, count: int) -> None:
    model = Linear(side, 8).eval()
    maps = occlusion(model, torch.ones(1, 3, side, 8).double(), 0, patch=(patch, 8), stride=(stride, 8), baseline=0)
    rows = model.weight[0].sum((0, 2)).detach()
    starts = [index * stride for index in range(count)]
    assert starts[-1] + patch >= side > max((start + patch for start in starts[:-1]), default=0)
    torch.testing.assert_close(maps[0, :, 0], torch.stack([rows[start : start + patch].sum() for start in starts]))


def test_the_default_stride_is_half_the_patch(curved: Curved, images: Tensor) -> None:
    torch.testing.assert_close(
        occlusion(curved, images, 1, patch=(6, 5)), occlusion(curved, images, 1, patch=(6, 5), stride=(3, 2))
    )
    assert occlusion(curved, images, 1, patch=1).shape == (3, 13, 17)


def literally(model: nn.Module, image: Tensor, target: int, patch: int, stride: int, cover: Tensor) -> Tensor:
    """Cover one window of one image after another, with a loop over pixels."""
    clean = model(image[None])[0, target]
    height, width = image.shape[1:]
    rows = []
    top = 0
    while True:
        row, left = [], 0
        while True:
            covered = image.clone()
            for y in range(height):
                for x in range(width):
                    if top <= y < top + patch and left <= x < left + patch:
                        covered[:, y, x] = cover[:, y, x]
            row.append(clean - model(covered[None])[0, target])
            if left + patch >= width:
                break
            left += stride
        rows.append(torch.stack(row))
        if top + patch >= height:
            return torch.stack(rows).detach()
        top += stride


@pytest.mark.parametrize("batch", [1, 2, 3, 7, 64, None])
def test_one_window_after_another_gives_the_same(curved: Curved, images: Tensor, batch: int | None) -> None:
    cover = images.flip(0)
    expected = torch.stack(
        [literally(curved, image, own, 6, 4, over) for image, own, over in zip(images, [3, 0, 2], cover, strict=True)]
    )
    maps = occlusion(curved, images, torch.tensor([3, 0, 2]), patch=6, stride=4, baseline=cover, batch=batch)
    torch.testing.assert_close(maps, expected)


def test_one_baseline_serves_all_images(curved: Curved, images: Tensor) -> None:
    one = images.mean(0, keepdim=True)
    torch.testing.assert_close(
        occlusion(curved, images, 1, patch=6, baseline=one),
        occlusion(curved, images, 1, patch=6, baseline=one.repeat(3, 1, 1, 1)),
    )
    grey = torch.full_like(images, 0.5)
    torch.testing.assert_close(
        occlusion(curved, images, 1, patch=6), occlusion(curved, images, 1, patch=6, baseline=grey)
    )


@pytest.mark.parametrize("batch", [1, 2, 5, 100])
def test_the_predicted_class_is_that_of_the_whole_image(curved: Curved, images: Tensor, batch: int) -> None:
    varied = torch.cat([images, images * torch.tensor([0.2, 0.8, 0.5])[:, None, None], 1 - images])
    predicted = curved(varied).argmax(1)
    flipped = occlusion(curved, varied, predicted.tolist(), patch=13, baseline=0.0)
    assert len(set(predicted.tolist())) > 1
    assert (curved(varied * 0).argmax(1) != predicted).any()
    torch.testing.assert_close(occlusion(curved, varied, patch=13, baseline=0.0, batch=batch), flipped)


@pytest.mark.parametrize("batch", [1, 2, 3, 8])
def test_no_pass_holds_more_images_than_the_batch(curved: Curved, images: Tensor, batch: int) -> None:
    curved.seen.clear()
    occlusion(curved, images, patch=6, stride=4, batch=batch)
    assert max(curved.seen) == batch - batch % min(batch, 3)
    assert sum(curved.seen) == 3 * (1 + 3 * 4) + 3  # each image clean and behind each window, and once predicted


def test_any_objective_is_a_target(curved: Curved, images: Tensor) -> None:
    by_class = occlusion(curved, images, [1, 3, 0], patch=6)
    torch.testing.assert_close(occlusion(curved, images, class_logit([1, 3, 0]), patch=6, batch=2), by_class)
    torch.testing.assert_close(occlusion(curved, images, ClassScores((1, 3, 0)), patch=6), by_class)
    maps = occlusion(curved, images, channel("conv2", [1, 2, 3]), patch=(13, 17), baseline=0.0)
    zero = channel("conv2", [1, 2, 3])(curved, images * 0)
    torch.testing.assert_close(maps[:, 0, 0] + zero.detach(), channel("conv2", [1, 2, 3])(curved, images).detach())


@pytest.mark.parametrize(
    ("patch", "stride"), [((4, 4), (4, 4)), ((5, 4), (2, 3)), ((6, 6), (1, 5)), ((13, 17), (1, 1))]
)
@pytest.mark.filterwarnings("default")
def test_captum_gives_the_same_pixels(
    curved: Curved, images: Tensor, patch: tuple[int, int], stride: tuple[int, int]
) -> None:
    theirs = Occlusion(curved).attribute(
        images, sliding_window_shapes=(3, *patch), strides=(3, *stride), baselines=0.5, target=torch.tensor([1, 2, 3])
    )
    ours = spread(
        occlusion(curved, images, [1, 2, 3], patch=patch, stride=stride), (13, 17), patch=patch, stride=stride
    )
    assert ours.abs().max() > 0.05
    for plane in theirs.unbind(1):  # captum repeats the numbers for each colour
        torch.testing.assert_close(ours, plane.double(), atol=1e-6, rtol=1e-5)  # captum adds up in float32


@pytest.mark.filterwarnings("default")
def test_captum_gives_the_same_pixels_on_googlenet(googlenet: Any) -> None:
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(3))
    theirs = Occlusion(googlenet).attribute(
        images, sliding_window_shapes=(3, 32, 32), strides=(3, 24, 24), baselines=0.5, target=torch.tensor([7, 281])
    )
    ours = spread(occlusion(googlenet, images, [7, 281], stride=24), (64, 64), stride=24)
    torch.testing.assert_close(ours, theirs[:, 0], atol=1e-4, rtol=1e-4)


def test_a_pixel_takes_the_mean_of_its_windows() -> None:
    spreaded = spread(torch.tensor([[[2.0, 4.0], [8.0, 16.0]]]), (4, 5), patch=(2, 3), stride=(2, 2))
    columns = torch.tensor([[2, 2, 3, 4, 4], [8, 8, 12, 16, 16.0]])
    torch.testing.assert_close(spreaded[0], columns.repeat_interleave(2, 0))


def test_the_map_takes_part_in_a_graph_later_and_the_images_stay(curved: Curved, images: Tensor) -> None:
    before = images.clone()
    factor = torch.ones(3, 1, 1, dtype=torch.float64, requires_grad=True)
    maps = occlusion(curved, images.requires_grad_(), 1, patch=6)
    (maps * factor).sum().backward()
    torch.testing.assert_close(factor.grad, maps.sum((1, 2), keepdim=True))
    assert not maps.requires_grad
    assert torch.equal(images.detach(), before)
    images.requires_grad_(False)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"patch": 14}, "patch of 14x14 pixels is larger than images of 13x17"),
        ({"patch": 0}, "positive, not 0x0"),
        ({"patch": 4, "stride": 5}, "stride of 5x5 leaves pixels"),
        ({"patch": (4, 6), "stride": (4, 7)}, "stride of 4x7 leaves pixels"),
        ({"patch": 4, "stride": 0}, "positive, not 4x4 and 0x0"),
        ({"patch": 4, "baseline": 1.5}, r"grey value in \[0, 1\], not 1.5"),
        ({"patch": 4, "baseline": float("nan")}, "grey value"),
        ({"patch": 4, "baseline": torch.zeros(2, 3, 13, 17)}, r"baseline images must be \(3, 3, 13, 17\)"),
        ({"patch": 4, "baseline": torch.zeros(3, 13, 17)}, "baseline images must be"),
        ({"patch": 4, "batch": 0}, "at least one image, not 0"),
    ],
)
def test_bad_settings_are_named(curved: Curved, images: Tensor, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        occlusion(curved, images, 0, **settings)


def test_baselines_must_be_finite_and_maps_fit_their_settings(curved: Curved, images: Tensor) -> None:
    with pytest.raises(NotFinite, match="baseline"):
        occlusion(curved, images, 0, patch=4, baseline=images * torch.inf)
    with pytest.raises(BadInput, match="maps of 4x5 windows, not 6x8"):
        spread(torch.zeros(1, 4, 5), (13, 17), patch=4)
