"""Where a position looks: known stacks of layers, and patches cut from the right place."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from innerview.core.errors import BadInput, UnreadableImage
from innerview.core.images import center_crop, read_image
from innerview.dissection import (
    Box,
    Examples,
    Field,
    effective_field,
    patch,
    patches,
    receptive_field,
    survey,
    top_patches,
)
from innerview.models import activations
from innerview.models.googlenet import GoogLeNet

STACKS = {  # kernel, stride, padding
    "one": [(3, 1, 1)],
    "even": [(4, 2, 1)],
    "unpadded": [(5, 2, 0), (3, 2, 0)],
    "deep": [(7, 2, 3), (3, 2, 0), (3, 1, 1), (5, 1, 2)],
    "pointwise": [(1, 1, 0), (1, 3, 0)],
}


def stack(sizes: list[tuple[int, int, int]], pooled: bool = False) -> nn.Sequential:
    """Return convolutions with ReLUs; where `pooled`, every second is a maximum instead."""
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    width = 3
    for index, (kernel, stride, padding) in enumerate(sizes):
        if pooled and index % 2:
            layers.append(nn.MaxPool2d(kernel, stride, min(padding, kernel // 2)))
        else:
            layers += [nn.Conv2d(width, 16, kernel, stride, padding), nn.LeakyReLU()]
            width = 16
    return nn.Sequential(nn.Identity(), *layers).requires_grad_(False).eval()


def by_hand(sizes: list[tuple[int, int, int]], position: int) -> tuple[int, int]:
    """Return the first pixel that a position sees, and the one behind the last; they may lie outside the image."""
    first, stop = position, position + 1
    for kernel, stride, padding in reversed(sizes):
        first, stop = first * stride - padding, (stop - 1) * stride - padding + kernel
    return first, stop


@pytest.mark.parametrize("name", STACKS)
@pytest.mark.parametrize("pooled", [False, True])
@pytest.mark.parametrize("place", [(0, 0), (1, 3), (2, 0), (3, 3)])
def test_the_receptive_field_of_a_stack_is_what_its_numbers_say(name, pooled, place):
    model = stack(STACKS[name], pooled)
    last = str(len(model) - 1)
    found = receptive_field(model, last, 40, place)
    (top, bottom), (left, right) = (by_hand(STACKS[name], index) for index in place)
    assert found == Box(max(top, 0), max(left, 0), min(bottom, 40), min(right, 40))


def test_the_middle_is_looked_at_unless_told():
    model = stack(STACKS["deep"])
    assert receptive_field(model, "4", 41) == receptive_field(model, "4", 41, (5, 5))


class Uneven(nn.Module):
    """Sees 3 rows of 7 columns."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 2, (3, 7), padding=(1, 3))
        self.tokens = nn.Flatten(2, -1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flat = nn.Flatten()

    def forward(self, images: Tensor) -> Tensor:
        self.tokens(self.conv(images))
        return self.flat(self.pool(self.conv(images)))


def test_a_receptive_field_need_not_be_square_and_may_be_all_of_the_image():
    model = Uneven().requires_grad_(False)
    assert receptive_field(model, "conv", 20, (10, 8)) == Box(9, 5, 12, 12)
    assert receptive_field(model, "pool", 20) == receptive_field(model, "flat", 20, ()) == Box(0, 0, 20, 20)


def test_the_receptive_field_of_googlenet_is_that_of_its_published_sizes():
    sizes = [(7, 2, 3), (3, 2, 0), (3, 1, 1), (3, 2, 0), (5, 1, 2), (5, 1, 2), (3, 2, 0), (5, 1, 2)]
    first, stop = by_hand(sizes, 7)
    assert (first, stop) == (41, 212)
    assert receptive_field(GoogLeNet().requires_grad_(False).eval(), "inception_4a", 224) == Box(41, 41, 212, 212)


@pytest.mark.parametrize("place", [(14, 0), (-1, 0), (3,), ()])
def test_a_position_that_is_not_there_is_refused(place):
    with pytest.raises(BadInput, match=r"layer '1' has positions \(14, 14\) here"):
        receptive_field(stack([(3, 1, 0)]), "1", 16, place)


class Hiding(nn.Module):
    """Puts out numbers whatever it sees."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = nn.ReLU()

    def forward(self, images: Tensor) -> Tensor:
        return self.inside(images.nan_to_num())


def test_a_network_that_hides_what_it_sees_is_told():
    with pytest.raises(BadInput, match="cannot be measured with NaN; use its effective field"):
        receptive_field(Hiding(), "inside", 16)


def noise(size: int, count: int = 8) -> Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", ["one", "unpadded", "deep", "pointwise"])
def test_the_effective_field_lies_on_the_grid_of_the_stack(name):
    sizes = STACKS[name]
    model = stack(sizes)
    field = effective_field(model, str(len(model) - 1), noise(64))
    step = math.prod(stride for _, stride, _ in sizes)
    middle = sum(by_hand(sizes, 0)) / 2
    assert field.step == pytest.approx((step, step), abs=0.05 * step)
    assert field.first == pytest.approx((middle, middle), abs=1)


def test_the_effective_field_holds_what_was_asked_for_and_no_more_than_can_be_seen():
    model = stack(STACKS["deep"])
    last = str(len(model) - 1)
    sides = [effective_field(model, last, noise(64), share).side for share in (0.3, 0.6, 0.9, 1.0)]
    theoretical = by_hand(STACKS["deep"], 5)[1] - by_hand(STACKS["deep"], 5)[0]
    assert sides == sorted(set(sides))
    assert sides[1] < 2 / 3 * theoretical  # evenly spread influence would need 0.77
    assert theoretical <= sides[-1] <= theoretical + 3  # its middle is measured


def test_the_share_is_that_of_the_gradients():
    """A literal count: squared gradients inside the box of a position, against all."""
    model = stack(STACKS["deep"])
    last = str(len(model) - 1)
    images = noise(64, 16).requires_grad_()
    field = effective_field(model, last, images, share=0.7)
    box = field.box((6, 6))
    inside = everywhere = 0.0
    for channel in range(16):
        (gradient,) = torch.autograd.grad(model(images)[:, channel, 6, 6].sum(), images)
        inside += float(gradient[..., box.top : box.bottom, box.left : box.right].square().sum())
        everywhere += float(gradient.square().sum())
    assert inside / everywhere == pytest.approx(0.7, abs=0.08)


@pytest.mark.parametrize("size", [16, 17, 20])
def test_a_layer_of_one_position_looks_at_the_middle(size):
    model = nn.Sequential(nn.AdaptiveAvgPool2d(1))
    field = effective_field(model, "0", noise(size), share=1.0)
    assert field.box((0, 0)) == Box(0, 0, size, size)


def test_fields_that_cannot_be_are_refused():
    images = noise(20)
    model = Uneven().requires_grad_(False)
    with pytest.raises(BadInput, match="layer 'tokens' has no rows and columns"):
        effective_field(model, "tokens", images)
    for share in (0.0, -1.0, 1.5, math.nan):
        with pytest.raises(BadInput, match="a share of the influence lies between 0 and 1"):
            effective_field(model, "conv", images, share)
    model.conv.weight.zero_()
    with pytest.raises(BadInput, match="layer 'conv' has no gradient"):
        effective_field(model, "conv", images)


def test_boxes_are_moved_inside_the_image():
    field = Field(first=(2.0, 3.0), step=(4.0, 8.0), side=6, size=(32, 40))
    assert field.box((2, 1)) == Box(7, 8, 13, 14)
    assert field.box((0, 0)) == Box(0, 0, 6, 6)
    assert field.box(np.array([7, 4])) == Box(26, 32, 32, 38)
    assert field.box((9, 9)) == Box(26, 34, 32, 40)


def test_a_patch_is_the_box():
    images = noise(20)
    cut = patch(images, Box(3, 5, 11, 13), 8)
    torch.testing.assert_close(cut, images[..., 3:11, 5:13])
    larger = patch(images, Box(3, 5, 11, 13), 16)
    assert larger.shape == (8, 3, 16, 16)
    assert larger.min() >= 0
    assert larger.max() <= 1


@pytest.mark.parametrize("box", [Box(-1, 0, 5, 5), Box(0, 0, 21, 5), Box(5, 0, 5, 5), Box(0, 9, 5, 5)])
def test_a_box_outside_is_refused(box):
    with pytest.raises(BadInput, match="does not lie inside images of 20x20 pixels"):
        patch(noise(20), box, 8)


def test_top_patches_are_cut_from_the_files_where_the_channel_is_strongest(tiny, paths, tmp_path):
    found = survey(tiny, paths, "conv", out=tmp_path / "out", size=16, batch=4)
    field = Field(first=(0.5, 0.5), step=(2.0, 2.0), side=4, size=(16, 16))
    cut = top_patches(found, 2, 5, field, size=4)
    top = found.top(2, 5)
    for one, index, position in zip(cut, top.indices, top.positions, strict=True):
        box = field.box(position)
        image = center_crop(read_image(paths[index], 16), 16)[0]
        torch.testing.assert_close(one, image[:, box.top : box.bottom, box.left : box.right])
    assert torch.equal(cut, patches(found, top, field, size=4))


def test_patches_of_a_field_for_other_images_or_of_lost_files_are_refused(tiny, paths, tmp_path):
    found = survey(tiny, paths, "conv", out=tmp_path / "out", size=16, batch=4)
    field = Field(first=(0.5, 0.5), step=(2.0, 2.0), side=4, size=(16, 16))
    with pytest.raises(BadInput, match=r"belongs to images of \(24, 24\) pixels, not 16"):
        top_patches(found, 0, 2, Field((0, 0), (2, 2), 4, (24, 24)))
    paths[3].unlink()
    with pytest.raises(UnreadableImage, match="no image at"):
        patches(found, Examples(np.array([3]), np.array([0.0]), np.array([[1, 1]])), field)


@pytest.mark.mirror
def test_a_patch_alone_keeps_most_of_what_excites_a_channel_of_googlenet(googlenet, available, tmp_path):
    """The effective field shows the thing: with all else grey the channel still fires, without it hardly."""
    files = list(available("imagenette160_train").values())[::100]
    found = survey(googlenet, files, "inception_4c", out=tmp_path, size=160, batch=10)
    photographs = torch.cat([center_crop(read_image(path, 160), 160) for path in files[:6]])
    field = effective_field(googlenet, "inception_4c", photographs)
    whole = inside = outside = 0.0
    for channel in (10, 100, 447):
        top = found.top(channel, 3)
        for index, value, (row, column) in zip(top.indices, top.values, top.positions, strict=True):
            image = center_crop(read_image(files[index], 160), 160)
            box = field.box((row, column))
            area = (..., slice(box.top, box.bottom), slice(box.left, box.right))
            both = torch.cat([torch.full_like(image, 0.46), image])
            both[0][area], both[1][area] = image[0][area], 0.46
            responses = activations(googlenet, both, "inception_4c")["inception_4c"][:, channel, row, column]
            whole, inside, outside = whole + value, inside + float(responses[0]), outside + float(responses[1])
    print(inside / whole, outside / whole, field)
    assert inside > 0.5 * whole
    assert outside < 0.3 * whole
