"""Positions attributed to all classes at once: equal to one class after the other; and taking directions out."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from innerview.attribution.positions import PositionReading, position_attribution, position_removal
from innerview.attribution.spatial import spatial_attribution
from innerview.core.errors import BadInput, LayerNotFound
from innerview.models import activations
from innerview.models.normalization import LocalResponseNorm

IMAGES = torch.rand(3, 3, 12, 14, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
PLACES = torch.tensor([[[0, 0], [1, 3]], [[4, 5], [2, 2]], [[3, 1], [3, 1]]])  # also the same place twice
CLASSES = 4


class Network(nn.Module):
    """Max pooling, local response normalization, and ReLUs that work in place."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv1, self.relu1 = nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(inplace=True)
        self.pool, self.norm = nn.MaxPool2d(3, 2, ceil_mode=True), LocalResponseNorm(3, 0.7, 0.75, 1.0)
        self.conv2, self.fc = nn.Conv2d(6, 8, 3), nn.Linear(8, CLASSES)
        self.unused = nn.Conv2d(3, 2, 1)

    def below(self, images: Tensor) -> Tensor:
        return self.norm(self.pool(self.relu1(self.conv1(images - 0.5))))

    def above(self, maps: Tensor) -> Tensor:
        return self.fc(F.relu(self.conv2(maps), inplace=True).mean((2, 3)))

    def forward(self, images: Tensor) -> Tensor:
        return self.above(self.below(images))


class ChannelsLast(Network):
    """Its layer `last` puts out (b, h, w, c)."""

    channels_last = frozenset({"last"})

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        return self.above(self.last(self.below(images).permute(0, 2, 3, 1)).permute(0, 3, 1, 2))


class Branches(Network):
    """Two branches side by side, a third that counts for nothing, and one whose output is detached."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other, self.aside = nn.Conv2d(6, 3, 1), nn.Conv2d(6, 3, 1), nn.Conv2d(6, 3, 1)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.below(images)
        self.aside(maps)
        return self.above(torch.cat([self.one(maps), self.other(maps)], 1))


class Linear(Network):
    """Linear above `pool`, though differently at each position."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(8 * 4 * 5, CLASSES)

    def above(self, maps: Tensor) -> Tensor:
        return self.fc(self.conv2(maps).flatten(1))

    def below(self, images: Tensor) -> Tensor:
        return self.pool(self.relu1(self.conv1(images - 0.5)))


def built(make: Callable[[], nn.Module]) -> Any:
    return make().double().eval()


def clean(model: nn.Module) -> bool:
    return "forward" not in vars(model) and not any(module._forward_hooks for module in model.modules())


def class_by_class(model: nn.Module, images: Tensor, layer: str, places: Tensor, targets: list[int]) -> PositionReading:
    """Attribute one class after the other to all positions, and pick those asked for."""
    rows, columns = places.unbind(2)
    images_of = torch.arange(len(images))[:, None]
    maps = [spatial_attribution(model, images, [target] * len(images), layer) for target in targets]
    found = activations(model, images, layer)[layer]
    return PositionReading(
        found[images_of, :, rows, columns].detach(), torch.stack([one[images_of, rows, columns] for one in maps], 2)
    )


def assert_same(found: PositionReading, wanted: PositionReading, tolerance: float = 1e-11) -> None:
    torch.testing.assert_close(found.activations, wanted.activations, rtol=tolerance, atol=tolerance)
    scale = float(wanted.attributions.abs().max())
    assert scale > 0
    torch.testing.assert_close(found.attributions, wanted.attributions, rtol=tolerance, atol=tolerance * scale)


@pytest.mark.parametrize(
    ("make", "layer"),
    [
        *((Network, layer) for layer in ("conv1", "relu1", "pool", "norm", "conv2")),
        (Linear, "pool"),
        (ChannelsLast, "last"),
        (ChannelsLast, "relu1"),
    ],
)
def test_all_classes_at_once_are_one_class_after_the_other(make: Callable[[], nn.Module], layer: str) -> None:
    model = built(make)
    places = PLACES.clamp(max=3) if layer == "conv2" else PLACES
    found = position_attribution(model, IMAGES, layer, places)
    assert found.activations.shape[:2] == (3, 2)
    assert found.attributions.shape == (3, 2, CLASSES)
    assert_same(found, class_by_class(model, IMAGES, layer, places, [*range(CLASSES)]))
    assert torch.equal(found.attributions[2, 0], found.attributions[2, 1])
    assert not found.attributions.requires_grad
    assert clean(model)


@pytest.mark.parametrize("kind", [torch.int16, torch.int32])
def test_positions_are_whole_numbers_of_any_kind(kind: torch.dtype) -> None:
    model = built(Network)
    wanted = position_attribution(model, IMAGES, "norm", PLACES)
    assert_same(position_attribution(model, IMAGES, "norm", PLACES.to(kind)), wanted)


def test_a_branch_is_attributed_with_one_position_an_image_and_refused_with_more() -> None:
    model = built(Branches)
    one = PLACES[:, :1]
    found = position_attribution(model, IMAGES, "one", one)
    assert_same(found, class_by_class(model, IMAGES, "one", one, [*range(CLASSES)]))
    with pytest.raises(BadInput, match=r"^positions of layer 'one' cannot be attributed \(.*\); choose the .* block$"):
        position_attribution(model, IMAGES, "one", PLACES)
    with pytest.raises(BadInput, match=r"^positions of layer 'one' cannot be attributed \(.*\); choose the .* block$"):
        position_removal(model, IMAGES, "one", PLACES[:, 0], torch.ones(3, 3).double())
    assert clean(model)


class Torn(torch.autograd.Function):
    """Has no forward-mode derivative."""

    @staticmethod
    def forward(_ctx: Any, source: Tensor) -> Tensor:
        return source * 2

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:  # noqa: ARG004  (torch's name)
        return gradients[0] * 2


class Backwards(Network):
    def above(self, maps: Tensor) -> Tensor:
        return super().above(Torn.apply(maps))


class Maps(Network):
    def above(self, maps: Tensor) -> Tensor:
        return self.conv2(maps)


class Closed(Network):
    """Keeps no derivative of what stands above the layer."""

    def above(self, maps: Tensor) -> Tensor:
        with torch.inference_mode():
            return super().above(maps)


@pytest.mark.parametrize(
    ("make", "layer", "places", "error", "message"),
    [
        (Network, "unused", PLACES, LayerNotFound, "the logits are computed before layer 'unused' is reached"),
        (Network, "nome", PLACES, LayerNotFound, "no layer 'nome'; near ones: norm"),
        (Network, "fc", PLACES, BadInput, r"layer 'fc' puts out \(4,\), no rows and columns"),
        (Network, "norm", PLACES + 3, BadInput, "layer 'norm' is 6x7 here; a position lies outside"),
        (Network, "norm", PLACES - 1, BadInput, "layer 'norm' is 6x7 here; a position lies outside"),
        (Network, "norm", PLACES[:2], BadInput, "positions of 2 images for 3 images"),
        (Branches, "aside", PLACES, BadInput, "the logits do not depend on layer 'aside'"),
        (Closed, "norm", PLACES, BadInput, "the logits do not depend on layer 'norm', or the model detaches it"),
        (Backwards, "norm", PLACES, BadInput, "positions of layer 'norm' cannot be attributed"),
        (Maps, "norm", PLACES, BadInput, "Maps has no class logits"),
    ],
)
def test_what_cannot_be_attributed_is_said_in_one_line_and_leaves_nothing(
    make: Callable[[], nn.Module], layer: str, places: Tensor, error: type[Exception], message: str
) -> None:
    model = built(make)
    with pytest.raises(error, match=message) as raised:
        position_attribution(model, IMAGES, layer, places)
    assert "\n" not in str(raised.value)
    assert clean(model)
    position_attribution(built(Network), IMAGES, "norm", PLACES)  # and no level of differentiation stays open


def test_a_model_in_training_mode_is_refused() -> None:
    model = built(Network).train()
    with pytest.raises(BadInput, match="train"):
        position_attribution(model, IMAGES, "norm", PLACES)
    with pytest.raises(BadInput, match="train"):
        position_removal(model, IMAGES, "norm", PLACES[:, 0], torch.ones(3, 6).double())


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_the_model_is_as_before_after_an_exception_of_its_own(error: type[BaseException]) -> None:
    model = built(Network)
    handle = model.fc.register_forward_pre_hook(lambda *_: (_ for _ in ()).throw(error()))
    with pytest.raises(error):
        position_attribution(model, IMAGES, "norm", PLACES)
    with pytest.raises(error):
        position_removal(model, IMAGES, "norm", PLACES[:, 0], torch.ones(3, 6).double())
    handle.remove()
    assert clean(model)
    position_attribution(model, IMAGES, "norm", PLACES)


def test_also_where_the_caller_has_switched_derivatives_off() -> None:
    model = built(Network)
    wanted = position_attribution(model, IMAGES, "norm", PLACES)
    with torch.inference_mode():
        assert_same(position_attribution(model, IMAGES, "norm", PLACES), wanted)
    with torch.no_grad():
        assert_same(position_attribution(model, IMAGES, "norm", PLACES), wanted)


class Slow(Network):
    """Lets other threads go on in the middle."""

    def above(self, maps: Tensor) -> Tensor:
        time.sleep(0.02)
        return super().above(maps)


def test_threads_do_not_get_in_each_others_way() -> None:
    models = [built(Slow) for _ in range(4)]
    wanted = position_attribution(models[0], IMAGES, "norm", PLACES)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda model: position_attribution(model, IMAGES, "norm", PLACES), models):
            assert torch.equal(found.attributions, wanted.attributions)
            assert torch.equal(found.activations, wanted.activations)


# Directions taken out


def literal_removal(model: Any, images: Tensor, places: Tensor, directions: Tensor) -> Tensor:
    """Edit the activations number by number, and run the rest."""
    found = []
    for image, (row, column), direction in zip(images, places.tolist(), directions.tolist(), strict=True):
        maps = model.below(image[None]).detach()
        edited, there = maps.clone(), maps[0, :, row, column].tolist()
        length = sum(x * x for x in direction) ** 0.5
        along = sum(h * x / length for h, x in zip(there, direction, strict=True))
        for channel, x in enumerate(direction):
            edited[0, channel, row, column] -= along * x / length
        found.append(model.above(edited) - model.above(maps))
    return torch.cat(found).detach()


DIRECTIONS = torch.randn(3, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("make", "layer"), [(Network, "norm"), (ChannelsLast, "last"), (Linear, "pool")])
def test_a_removal_is_the_activation_edited_by_hand(make: Callable[[], nn.Module], layer: str) -> None:
    model = built(make)
    found = position_removal(model, IMAGES, layer, PLACES[:, 1], DIRECTIONS)
    wanted = literal_removal(model, IMAGES, PLACES[:, 1], DIRECTIONS)
    assert float(wanted.abs().max()) > 1e-4
    torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-14)
    longer = position_removal(model, IMAGES, layer, PLACES[:, 1], DIRECTIONS * 7)
    torch.testing.assert_close(longer, found, rtol=1e-10, atol=1e-14)
    assert clean(model)


def test_nothing_is_taken_out_along_zero() -> None:
    found = position_removal(built(Network), IMAGES, "norm", PLACES[:, 0], torch.zeros(3, 6).double())
    assert not found.any()


def test_where_the_rest_is_linear_all_that_is_removed_is_minus_its_attribution() -> None:
    model = built(Linear)
    read = position_attribution(model, IMAGES, "pool", PLACES)
    for place in range(2):
        found = position_removal(model, IMAGES, "pool", PLACES[:, place], read.activations[:, place])
        torch.testing.assert_close(found, -read.attributions[:, place], rtol=1e-10, atol=1e-14)


def test_elsewhere_it_is_to_first_order() -> None:
    """Directions almost across the activations take little out: a hundredth of them, then a thousandth."""
    model = built(Network)
    maps = model.below(IMAGES).detach().requires_grad_()
    images_of, (rows, columns) = torch.arange(3), PLACES[:, 1].unbind(1)
    there = maps[images_of, :, rows, columns].detach()
    across = DIRECTIONS - (DIRECTIONS * there).sum(1, keepdim=True) / (there * there).sum(1, keepdim=True) * there
    across = across / across.norm(dim=1, keepdim=True)
    errors = []
    for share in (1e-2, 1e-3):
        directions = across + share * there / there.norm(dim=1, keepdim=True)
        unit = directions / directions.norm(dim=1, keepdim=True)
        removed = (there * unit).sum(1, keepdim=True) * unit
        found = position_removal(model, IMAGES, "norm", PLACES[:, 1], directions)
        for target in range(CLASSES):
            (slope,) = torch.autograd.grad(model.above(maps)[:, target].sum(), maps)
            wanted = -(slope[images_of, :, rows, columns] * removed).sum(1)
            errors.append(float((found[:, target] - wanted).abs().max()) / float(wanted.abs().max()))
    assert max(errors[CLASSES:]) < 1e-6


@pytest.mark.parametrize(
    ("places", "directions", "message"),
    [
        (PLACES[:, 0] + 6, DIRECTIONS, "a position lies outside"),
        (PLACES[:2, 0], DIRECTIONS[:2], "positions of 2 images for 3 images"),
        (PLACES[:, 0], DIRECTIONS[:2], "directions"),
        (PLACES[:, 0], DIRECTIONS[:, :5], "directions"),
    ],
)
def test_removals_that_cannot_be_are_said(places: Tensor, directions: Tensor, message: str) -> None:
    with pytest.raises(BadInput, match=message) as raised:
        position_removal(built(Network), IMAGES, "norm", places, directions)
    assert "\n" not in str(raised.value)


# Real networks


def assert_on_photographs_size(model: nn.Module, layer: str, size: int) -> None:
    images = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    places = torch.tensor([[[1, 2]], [[0, 6]]])
    found = position_attribution(model, images, layer, places)
    targets = [0, 282, 999]
    chosen = PositionReading(found.activations, found.attributions[..., targets])
    assert_same(chosen, class_by_class(model, images, layer, places, targets), 2e-4)


@pytest.mark.mirror
@pytest.mark.parametrize("layer", ["inception_4c", "inception_5b"])
def test_googlenet_at_once_is_class_by_class(googlenet: nn.Module, layer: str) -> None:
    assert_on_photographs_size(googlenet, layer, 224)


def test_the_embedded_network_at_once_is_class_by_class(embedded: nn.Module) -> None:
    assert_on_photographs_size(embedded, "blocks.6", 224)
