"""All methods under their names: each is the function that it says, called one way, and described rightly."""

import pytest
import torch
from attribution.tiny import SIZE, Calls, Layers, Pooled, frozen, pictures
from torch import Tensor, nn

from innerview import attribution
from innerview.attribution import METHODS
from innerview.attribution.methods import OCCLUDED_SHARE, RISE_MASKS, chosen
from innerview.attribution.occlusion import occlusion, spread
from innerview.attribution.rise import rise
from innerview.core.errors import BadInput

NAMES = (
    "saliency", "gradient_times_input", "smooth_grad", "integrated_gradients", "deconvnet", "guided_backprop",
    "occlusion", "rise", "cam", "grad_cam", "grad_cam_plus_plus", "layer_cam", "guided_grad_cam",
    "counterfactual_grad_cam", "spatial_attribution",
)  # fmt: skip
ADAPTED = ("occlusion", "rise")
TARGETS = (2, 0, 3)


@pytest.fixture(scope="module")
def pooled() -> nn.Module:
    return frozen(Pooled())


@pytest.fixture(scope="module")
def explained(pooled: nn.Module) -> dict[str, Tensor]:
    return {name: method.explain(pooled, pictures(), TARGETS) for name, method in METHODS.items()}


def test_every_method_is_there_under_its_own_name():
    assert tuple(METHODS) == NAMES
    assert [method.name for method in METHODS.values()] == list(NAMES)
    assert len({method.title for method in METHODS.values()}) == len(NAMES)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ADAPTED])
def test_a_method_is_the_function_of_its_name(pooled, explained, name):
    torch.testing.assert_close(explained[name], getattr(attribution, name)(pooled, pictures(), TARGETS))


@pytest.mark.parametrize("name", [name for name in NAMES if METHODS[name].layered])
def test_the_layer_is_the_one_asked_for(pooled, explained, name):
    if name == "cam":
        torch.testing.assert_close(METHODS[name].explain(pooled, pictures(), TARGETS, "relu2"), explained[name])
        with pytest.raises(BadInput, match="'relu1'"):
            METHODS[name].explain(pooled, pictures(), TARGETS, "relu1")
        return
    found = METHODS[name].explain(pooled, pictures(), TARGETS, "relu1")
    torch.testing.assert_close(found, getattr(attribution, name)(pooled, pictures(), TARGETS, "relu1"))
    assert found.shape[-1] == SIZE
    assert found.shape != explained[name].shape or not torch.allclose(found, explained[name])


@pytest.mark.parametrize("name", [name for name in NAMES if not METHODS[name].layered])
def test_methods_without_a_layer_ignore_it(pooled, explained, name):
    torch.testing.assert_close(METHODS[name].explain(pooled, pictures(), TARGETS, "no layer"), explained[name])


def test_occlusion_covers_a_share_of_the_image_and_is_spread_over_its_pixels():
    network = frozen(Calls())
    images = torch.rand(2, 3, 30, 44, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    patch = 30 // OCCLUDED_SHARE
    assert patch == 4
    wanted = spread(occlusion(network, images, 1, patch=4, stride=2), (30, 44), patch=4, stride=2)
    torch.testing.assert_close(METHODS["occlusion"].explain(network, images, 1), wanted)


def test_rise_is_less_its_mean(pooled, explained):
    whole = rise(pooled, pictures(), TARGETS, masks=RISE_MASKS)
    for found, one in zip(explained["rise"], whole, strict=True):
        torch.testing.assert_close(found, one - one.sum() / one.numel())
    torch.testing.assert_close(explained["rise"].mean((1, 2)), torch.zeros(3, dtype=torch.float64))


@pytest.mark.parametrize("name", NAMES)
def test_only_what_is_drawn_at_random_depends_on_the_seed(pooled, explained, name):
    explain = METHODS[name].explain
    other, again = (explain(pooled, pictures(), TARGETS, seed=1) for _ in range(2))
    assert torch.equal(other, again)
    assert torch.allclose(other, explained[name]) == (name not in ("smooth_grad", "rise"))


@pytest.mark.parametrize("name", NAMES)
def test_maps_tell_for_from_against_where_it_says_so(explained, name):
    assert bool((explained[name] < 0).any()) == METHODS[name].signed
    assert bool((explained[name] > 0).any())


@pytest.mark.parametrize("name", NAMES)
def test_fine_maps_have_a_number_for_each_pixel(explained, name):
    assert explained[name].shape[0] == len(TARGETS)
    if METHODS[name].fine:
        assert explained[name].shape[1:] == (SIZE, SIZE)


def passes(name: str) -> int:
    """Return how many images the network sees for one."""
    network, seen = frozen(Pooled()), []
    network.register_forward_hook(lambda _layer, inputs, _output: seen.append(len(inputs[0])))
    METHODS[name].explain(network, pictures(1), 0)
    return sum(seen)


@pytest.mark.parametrize("name", NAMES)
def test_slow_methods_are_those_that_run_the_network_dozens_of_times(name):
    assert METHODS[name].slow == (passes(name) > 24)


IN_LOGITS = [name for name in NAMES if "logits" in (METHODS[name].unit or "")]


@pytest.mark.parametrize("name", IN_LOGITS)
def test_maps_in_logits_grow_with_the_logits(explained, name):
    """Twice the logits, twice the map: what the scale of a comparison rests on."""
    network = frozen(Pooled())
    with torch.no_grad():
        network.fc.weight.mul_(2)
        network.fc.bias.mul_(2)
    torch.testing.assert_close(METHODS[name].explain(network, pictures(), TARGETS), 2 * explained[name])


def test_units():
    assert METHODS["rise"].unit == "probability"
    assert {name for name in NAMES if METHODS[name].unit is None} == {
        "deconvnet", "guided_backprop", "grad_cam_plus_plus", "guided_grad_cam",
    }  # fmt: skip
    assert len(IN_LOGITS) == 10


def test_names_are_chosen_one_by_one_several_or_all():
    assert [method.name for method in chosen("all")] == list(NAMES)
    assert [method.name for method in chosen(" cam, grad_cam,cam ,")] == ["cam", "grad_cam"]
    assert chosen(["rise"]) == (METHODS["rise"],)
    assert chosen(name for name in ("rise", "cam")) == (METHODS["rise"], METHODS["cam"])


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ("gradcam", "no method is called 'gradcam'; near ones: grad_cam,"),
        ("grad_cam,ocllusion", "no method is called 'ocllusion'; near ones: occlusion; choose among saliency, "),
        ("all,cam", "no method is called 'all'"),
        ("", "name at least one method: saliency,"),
        (" , ", "name at least one method"),
        ([], "name at least one method"),
    ],
)
def test_names_that_cannot_be(names, says):
    with pytest.raises(BadInput, match=says):
        chosen(names)


def test_a_method_that_a_network_does_not_suit_says_so():
    with pytest.raises(BadInput, match="as CAM needs"):
        METHODS["cam"].explain(frozen(Layers()), pictures(), 0)
