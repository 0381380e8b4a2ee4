"""DeepDream against the released notebook, written down slowly, and what tiles, stores and guides promise."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import nn

from innerview.core.errors import BadInput, LayerNotFound, NotFinite
from innerview.core.seeds import generator
from innerview.core.store import Store
from innerview.optimize import Objective, channel, layer
from innerview.synthesis import DreamRecipe, deepdream, dream_step, guided, image_gradient, magnified, zoom
from innerview.synthesis.deepdream import _tiles

SMALL = DreamRecipe(octaves=3, steps=2, jitter=5)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 5, stride=2, padding=2), nn.ReLU(), nn.Conv2d(8, 6, 3)).double().eval()


@pytest.fixture(scope="module")
def images():
    """A smooth picture with values up to both ends of the range, so that clipping shows."""
    noise = torch.rand(1, 3, 90, 74, generator=generator("test")).double()
    smooth = torch.from_numpy(ndimage.gaussian_filter(noise.numpy(), (0, 0, 3, 3)))
    return (smooth - smooth.min()) / (smooth.max() - smooth.min())


class Notebook:
    """The released notebook in NumPy: a caffe-like network in 0..255 units, one image ``(3, h, w)``, no batch."""

    def __init__(self, model, jitter, step_size, shifts):
        self.model, self.jitter, self.step_size, self.shifts = model, jitter, step_size, iter(shifts)

    def backward(self, data, end):
        """Forward to `end`, put the activations there as their own gradient, and go back to the data."""
        leaf = torch.from_numpy(data / 255)[None].requires_grad_()
        blob = self.model[: end + 1](leaf)
        (gradient,) = torch.autograd.grad(
            blob, leaf, grad_outputs=blob.detach()
        )  # objective_L2: dst.diff[:] = dst.data
        return gradient[0].numpy() / 255

    def make_step(self, data, end):
        oy, ox = next(self.shifts)
        data = np.roll(np.roll(data, ox, -1), oy, -2)
        g = self.backward(data, end)
        data = data + self.step_size / np.abs(g).mean() * g
        data = np.roll(np.roll(data, -ox, -1), -oy, -2)
        return np.clip(data, 0, 255)

    def deepdream(self, base, iter_n, octave_n, octave_scale, end):
        octaves = [base]
        for _ in range(octave_n - 1):
            octaves.append(ndimage.zoom(octaves[-1], (1, 1.0 / octave_scale, 1.0 / octave_scale), order=1))
        detail = np.zeros_like(octaves[-1])
        data = base
        for octave, octave_base in enumerate(octaves[::-1]):
            h, w = octave_base.shape[-2:]
            if octave > 0:
                h1, w1 = detail.shape[-2:]
                detail = ndimage.zoom(detail, (1, 1.0 * h / h1, 1.0 * w / w1), order=1)
            data = octave_base + detail
            for _ in range(iter_n):
                data = self.make_step(data, end)
            detail = data - octave_base
        return data


@pytest.mark.parametrize("octaves", [1, 2, 3])
@pytest.mark.parametrize(("jitter", "step_size"), [(0, 1.5), (7, 1.5), (32, 20.0)])
def test_it_is_the_released_notebook(model, images, octaves, jitter, step_size):
    recipe = DreamRecipe(octaves=octaves, steps=3, jitter=jitter, step_size=step_size, seed=4)
    places = [(octave, step) for octave in range(octaves) for step in range(3)]
    draws = (torch.randint(-jitter, jitter + 1, (2,), generator=generator("dream", 4, *place)) for place in places)
    notebook = Notebook(model, jitter, step_size, [draw.tolist() for draw in draws])
    wanted = notebook.deepdream(images[0].numpy() * 255, 3, octaves, 1.4, end=2) / 255
    found = deepdream(model, images, layer("2"), recipe=recipe)
    assert float((found - images).abs().max()) > 0.02
    np.testing.assert_allclose(found[0].numpy(), wanted, rtol=0, atol=1e-4)


@pytest.mark.parametrize("objective", [layer("2"), channel("2", 1), "channel:2:3 - 0.1*layer:2"], ids=str)
def test_it_raises_its_objective(model, images, objective):
    dream = deepdream(model, images, objective, recipe=SMALL)
    measured = channel("2", 3) - 0.1 * layer("2") if isinstance(objective, str) else objective
    with torch.no_grad():
        assert float(measured(model, dream)) > float(measured(model, images)) + 0.005
    assert 0 <= float(dream.min()) < float(dream.max()) <= 1
    assert not dream.requires_grad


def test_it_keeps_the_large_shapes(embedded):
    picture = torch.rand(1, 3, 96, 128, generator=generator("keep"))
    picture = torch.from_numpy(ndimage.gaussian_filter(picture.numpy(), (0, 0, 8, 8), mode="wrap"))
    picture = (picture - picture.min()) / (picture.max() - picture.min())
    dream = deepdream(embedded, picture, layer("blocks.3"), recipe=DreamRecipe(octaves=2, steps=5))
    before, after = (ndimage.gaussian_filter(image.numpy(), (0, 0, 8, 8)).ravel() for image in (picture, dream))
    assert float((dream - picture).abs().mean()) > 0.005
    assert np.corrcoef(before, after)[0, 1] > 0.98


def test_each_image_of_a_batch_dreams_on_its_own(model, images):
    pair = torch.cat([images, 0.2 + 0.5 * images.flip(2)])
    together = deepdream(model, pair, layer("2"), recipe=SMALL)
    for place in range(2):
        alone = deepdream(model, pair[place : place + 1], layer("2"), recipe=SMALL)
        torch.testing.assert_close(together[place], alone[0], rtol=0, atol=1e-9)


def test_the_seed_decides_the_shifts(model, images):
    first, again = (deepdream(model, images, layer("2"), recipe=SMALL) for _ in range(2))
    other = deepdream(model, images, layer("2"), recipe=DreamRecipe(octaves=3, steps=2, jitter=5, seed=1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_no_steps_leave_the_image(model, images):
    dream = deepdream(model, images, layer("2"), recipe=DreamRecipe(octaves=3, steps=0))
    torch.testing.assert_close(dream, images, rtol=0, atol=1e-12)


def test_a_step_has_the_mean_size_asked_for(model):
    grey = torch.full((2, 3, 40, 40), 0.5, dtype=torch.float64)
    grey[1] += 0.1 * torch.rand(3, 40, 40, generator=generator("step")).double()
    step = dream_step(model, grey, layer("2"), DreamRecipe(step_size=3)) - grey
    torch.testing.assert_close(step.abs().mean((1, 2, 3)), torch.full((2,), 3 / 255, dtype=torch.float64))


def test_where_nothing_is_active_nothing_changes(images):
    dead: Any = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()).double()
    with torch.no_grad():
        dead[0].weight.zero_()
        dead[0].bias.fill_(-1)
    torch.testing.assert_close(deepdream(dead, images, layer("1"), recipe=SMALL), images, rtol=0, atol=1e-12)


def test_the_weights_get_no_gradient_and_the_image_is_left_alone(model, images):
    before = images.clone()
    deepdream(model, images, layer("2"), recipe=SMALL)
    assert torch.equal(images, before)
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not any(module._forward_hooks for module in model.modules())


# Tiles


@pytest.mark.parametrize("size", [(1, 1), (64, 64), (65, 64), (130, 999), (97, 3), (1024, 1025)])
@pytest.mark.parametrize("tile", [1, 7, 64, 100])
def test_tiles_cover_each_pixel_once_and_are_no_larger_than_asked(size, tile):
    if max(size) / tile > 150:
        size = (min(size[0], 150), min(size[1], 150))
    covered = torch.zeros(size)
    for rows, columns in _tiles(size, tile):
        assert 1 <= rows.stop - rows.start <= tile
        assert 1 <= columns.stop - columns.start <= tile
        covered[rows, columns] += 1
    assert covered.unique().tolist() == [1]


@pytest.mark.parametrize("tile", [10, 33, 64])
def test_on_a_network_that_looks_at_single_pixels_tiles_change_nothing(images, tile):
    torch.manual_seed(1)
    local = nn.Sequential(nn.Conv2d(3, 8, 1), nn.ReLU(), nn.Conv2d(8, 4, 1)).double()
    whole = image_gradient(local, images, layer("2"))
    torch.testing.assert_close(image_gradient(local, images, layer("2"), tile), whole, rtol=0, atol=1e-12)


def test_with_tiles_the_network_never_sees_more_than_a_tile(images):
    seen = []
    model = nn.Sequential(nn.Conv2d(3, 4, 3)).double()
    model[0].register_forward_hook(lambda _module, inputs, _output: seen.append(tuple(inputs[0].shape[-2:])))
    deepdream(model, images, layer("0"), recipe=DreamRecipe(octaves=2, steps=1, tile=64))
    assert len(seen) == 1 + 4  # 64x53 fits, 90x74 is cut in four
    assert max(max(size) for size in seen) <= 64


def test_a_tile_that_holds_the_image_is_the_whole_image(model, images):
    whole = deepdream(model, images, layer("2"), recipe=SMALL)
    held = deepdream(model, images, layer("2"), recipe=DreamRecipe(octaves=3, steps=2, jitter=5, tile=90))
    assert torch.equal(whole, held)


def test_seams_between_tiles_wander_even_without_jitter(model, images):
    recipe = DreamRecipe(jitter=0, tile=64)
    steps = [dream_step(model, images, layer("2"), recipe, (number,)) for number in range(2)]
    assert not torch.equal(*steps)


# Store


class Counted:
    """An objective that counts its calls and can break off before one of them."""

    def __init__(self, breaks_at=None):
        self.calls, self.breaks_at = 0, breaks_at
        self.objective = Objective("counted", ("2",), self.measure)

    def measure(self, reading):
        if self.calls == self.breaks_at:
            raise KeyboardInterrupt
        self.calls += 1
        return layer("2").measure(reading)


@pytest.mark.parametrize(("breaks_at", "left"), [(1, 6), (2, 4), (3, 4), (5, 2)])
def test_an_interrupted_dream_continues_after_its_last_octave_with_the_same_bits(
    model, images, tmp_path, breaks_at, left
):
    whole = deepdream(model, images, layer("2"), recipe=SMALL)
    store = Store(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        deepdream(model, images, Counted(breaks_at).objective, recipe=SMALL, store=store)
    again = Counted()
    assert torch.equal(deepdream(model, images, again.objective, recipe=SMALL, store=store), whole)
    assert again.calls == left


def test_a_finished_dream_is_found_again_whole(model, images, tmp_path):
    store = Store(tmp_path)
    first = deepdream(model, images, Counted().objective, recipe=SMALL, store=store)
    again = Counted()
    assert torch.equal(deepdream(model, images, again.objective, recipe=SMALL, store=store), first)
    assert again.calls == 0
    assert float((first - images).abs().max()) > 0.01


def test_what_was_kept_serves_only_what_made_it(model, images, tmp_path):
    store = Store(tmp_path)
    deepdream(model, images, Counted().objective, recipe=SMALL, store=store)
    other = nn.Sequential(*(type(part)(3, 8, 5) if i == 0 else part for i, part in enumerate(model))).double()
    changes = [
        (model, images.flip(3), SMALL),
        (model, images, DreamRecipe(octaves=3, steps=2, jitter=5, seed=1)),
        (other, images, SMALL),
    ]
    for changed in changes:
        counted = Counted()
        deepdream(changed[0], changed[1], counted.objective, recipe=changed[2], store=store)
        assert counted.calls == 6


def test_a_damaged_octave_is_computed_again(model, images, tmp_path):
    store = Store(tmp_path)
    whole = deepdream(model, images, Counted().objective, recipe=SMALL, store=store)
    last = next(tmp_path.glob("octave2-*"))
    last.write_bytes(last.read_bytes()[:100])
    again = Counted()
    assert torch.equal(deepdream(model, images, again.objective, recipe=SMALL, store=store), whole)
    assert again.calls == 2


# Guide


def test_the_guide_is_matched_as_a_literal_loop_says(model, images):
    guide = torch.rand(1, 3, 40, 36, generator=generator("guide")).double()
    leaf = images[..., :34, :30].clone().requires_grad_()
    objective = guided(model, guide, "2")
    value = objective(model, leaf)
    here, there = model(leaf)[0], model(guide)[0].detach()
    total, gradient = 0.0, torch.zeros_like(here)
    for row in range(here.shape[1]):
        for column in range(here.shape[2]):
            best, matching = -float("inf"), there[:, 0, 0]
            for y in range(there.shape[1]):
                for x in range(there.shape[2]):
                    match = float(here[:, row, column].detach() @ there[:, y, x])
                    if match > best:
                        best, matching = match, there[:, y, x]
            total += best
            gradient[:, row, column] = matching
    assert float(value.detach()) == pytest.approx(total, rel=1e-9)
    found = torch.autograd.grad(value.sum(), leaf)[0]
    (wanted,) = torch.autograd.grad(model(leaf), leaf, grad_outputs=gradient[None])
    torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-9)


def test_guides_that_differ_have_names_that_differ(model, images):
    one, other = (guided(model, guide, "2").name for guide in (images, images.flip(3)))
    assert one != other
    assert one == guided(model, images, "2").name


def test_a_layer_without_positions_cannot_guide(embedded):
    with pytest.raises(BadInput, match="'fc' has no positions to match"):
        guided(embedded, torch.rand(1, 3, 32, 32), "fc")


# Zoom


def test_no_magnification_is_the_identity(images):
    torch.testing.assert_close(magnified(images, 0), images, rtol=0, atol=1e-6)


@pytest.mark.parametrize("factor", [0.05, 0.5])
def test_magnifying_cuts_the_notebooks_share(images, factor):
    """The notebook: `affine_transform(frame, [1-s,1-s,1], [h*s/2,w*s/2,0], order=1)`; here the middle stays exactly."""
    height, width = images.shape[-2:]
    offset: Any = [(height - 1) * factor / 2, (width - 1) * factor / 2]
    for plane, found in zip(images[0].numpy(), magnified(images, factor)[0], strict=True):
        wanted = ndimage.affine_transform(plane, [1 - factor, 1 - factor], offset, order=1)
        np.testing.assert_allclose(found.numpy(), wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize("factor", [-0.1, 1, 2.0, float("nan")])
def test_a_magnification_that_leaves_nothing_is_refused(images, factor):
    with pytest.raises(BadInput, match="a share of each side of at least 0 and below 1"):
        magnified(images, factor)


def test_a_zoom_dreams_and_magnifies_in_turn(model, images):
    frames = list(zoom(model, images, layer("2"), frames=3, factor=0.1, recipe=SMALL))
    wanted = images
    for number, frame in enumerate(frames):
        wanted = deepdream(model, magnified(wanted, 0.1) if number else wanted, layer("2"), recipe=SMALL)
        assert torch.equal(frame, wanted)


def test_a_zoom_that_broke_off_continues_after_its_last_frame(model, images, tmp_path):
    whole = list(zoom(model, images, layer("2"), frames=4, recipe=SMALL))
    broken = Counted(breaks_at=15)  # six calls a frame: two frames are kept
    with pytest.raises(KeyboardInterrupt):
        list(zoom(model, images, broken.objective, frames=4, recipe=SMALL, store=Store(tmp_path)))
    again = Counted()
    frames = list(zoom(model, images, again.objective, frames=4, recipe=SMALL, store=Store(tmp_path)))
    assert again.calls == 12
    assert all(torch.equal(*pair) for pair in zip(frames, whole, strict=True))


# Bad input


@pytest.mark.parametrize("octaves", [4, 9])
def test_octaves_that_shrink_the_image_to_nothing_are_refused(model, images, octaves):
    with pytest.raises(BadInput, match=f"{octaves} octaves of scale 1.4 shrink this image below 32 pixels; use fewer"):
        deepdream(model, images, layer("2"), recipe=DreamRecipe(octaves=octaves))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("octaves", 0), ("octave_scale", 1), ("octave_scale", float("nan")), ("octave_scale", float("inf")),
        ("steps", -1), ("step_size", -0.5), ("step_size", float("inf")), ("step_size", float("nan")), ("jitter", -1),
        ("tile", 63), ("tile", 0), ("seed", -1),
    ],
)  # fmt: skip
def test_a_recipe_that_cannot_be_followed_is_refused(field, value):
    with pytest.raises(BadInput, match=f"{field} of a dream is a number of at least .*, not {value}"):
        DreamRecipe(**{field: value})


def test_the_defaults_are_the_released_notebooks():
    assert DreamRecipe() == DreamRecipe(octaves=4, octave_scale=1.4, steps=10, step_size=1.5, jitter=32)


@pytest.mark.parametrize("weight", [float("nan"), float("inf")])
def test_a_gradient_that_is_no_number_stops_the_dream_and_leaves_no_hook(images, weight):
    broken: Any = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()).double()
    with torch.no_grad():
        broken[0].weight.fill_(weight)
    with pytest.raises(NotFinite, match=r"gradient of layer\(0\) became NaN or infinite at dream step \(0, 0\)"):
        deepdream(broken, images, layer("0"), recipe=SMALL)
    assert not any(module._forward_hooks for module in broken.modules())


@pytest.mark.parametrize(
    ("objective", "error", "message"),
    [
        (None, LayerNotFound, "no layer 'inception_4c'"),
        ("", BadInput, "is not an objective"),
        (channel("2", 9), BadInput, "has the channels 0 to 5"),
    ],
)
def test_what_the_model_cannot_dream_of_is_said(model, images, objective, error, message):
    with pytest.raises(error, match=message):
        deepdream(model, images, objective, recipe=SMALL)
