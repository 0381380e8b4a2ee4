"""Style transfer: what it minimises, where it begins, at which sizes, in which colours, and what it refuses."""

import inspect
import warnings
from dataclasses import replace

import pytest
import torch
from synthesis.small import network, pictures
from torch.nn import functional as F

from innerview.core.errors import BadInput
from innerview.models.normalization import luminance
from innerview.models.vgg import VGG19
from innerview.synthesis.descent import Descent, StoppedEarly
from innerview.synthesis.losses import content_loss, style_loss
from innerview.synthesis.priors import variation_loss
from innerview.synthesis.recoloring import grey, grey_like, with_colors_like
from innerview.synthesis.regions import Region, region_loss
from innerview.synthesis.style import RELEASED_WEIGHTS, StyleRecipe, style_transfer
from innerview.synthesis.texture import noise

STYLE = {"relu1": 0.25, "relu2": 2.0}
ONCE = StyleRecipe(content=("relu2",), style=STYLE, style_weight=10, descent=Descent(1))
"""Looks at the start alone, which is then the result."""
SOME = replace(ONCE, descent=Descent(25))


def photograph(size=(24, 18)):
    """A smooth slope of colours with a dark square."""
    rows, columns = (torch.linspace(0.2, 0.8, side) for side in size)
    image = torch.stack([rows[:, None].expand(size), columns.expand(size), 0.9 - rows[:, None] * columns])[None]
    image = image.clone()
    image[..., size[0] // 3 : size[0] // 2, size[1] // 3 : size[1] // 2] *= 0.3
    return image


def painting(size=(20, 30), seed=5):
    """Reddish noise."""
    return pictures(1, size, seed) * torch.tensor([0.9, 0.4, 0.2])[:, None, None]


def scaled(image, size):
    return F.interpolate(image, size, mode="bilinear", antialias=True).clamp(0, 1)


def transfer(*arguments, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StoppedEarly)
        return style_transfer(*arguments, **options)


def sizes_seen(model):
    """Note the size of every image that the network is given."""
    seen = []
    model.register_forward_pre_hook(lambda _, given: seen.append(tuple(given[0].shape[-2:])))
    return seen


def test_content_and_style_are_weighed_as_in_equation_7():
    model, content = network(), photograph()
    style = scaled(painting(), (18, 27))  # its shorter side is the content's
    recipe = replace(ONCE, content_weight=3, variation_weight=0.5, start="noise")
    found = style_transfer(model, content, painting(), recipe=recipe, seed=2)
    begin = noise((24, 18), 2)
    expected = {
        "content relu2": 3 * content_loss(model, content, ["relu2"])(model, begin),
        "style relu1": 10 * 0.25 * style_loss(model, style, ["relu1"])(model, begin),
        "style relu2": 10 * 2.0 * style_loss(model, style, ["relu2"])(model, begin),
        "variation": 0.5 * variation_loss()(model, begin),
    }
    assert list(found.parts) == list(expected)
    for name, value in expected.items():
        torch.testing.assert_close(found.parts[name], value, rtol=1e-4, atol=1e-9)
    torch.testing.assert_close(found.loss, sum(expected.values()), rtol=1e-4, atol=1e-9)


def test_the_style_comes_nearer_and_the_content_stays_nearer_than_that_of_noise():
    model, content = network(), photograph()
    found = transfer(model, content, painting(), recipe=SOME)
    begin = style_transfer(model, content, painting(), recipe=ONCE)
    from_noise = style_transfer(model, content, painting(), recipe=replace(ONCE, start="noise"))
    style = [f"style {layer}" for layer in STYLE]
    assert sum(found.parts[name] for name in style) < 0.3 * sum(begin.parts[name] for name in style)
    assert found.parts["content relu2"] < from_noise.parts["content relu2"]
    assert found.images.shape == content.shape
    assert found.history.shape == (1, 25)


def test_a_part_without_weight_is_left_out():
    parts = style_transfer(network(), photograph(), painting(), recipe=replace(ONCE, content_weight=0)).parts
    assert list(parts) == ["style relu1", "style relu2"]
    content_alone = replace(ONCE, style_weight=0, start="noise")
    assert list(style_transfer(network(), photograph(), [], recipe=content_alone).parts) == ["content relu2"]


@pytest.mark.parametrize("start", ["content", "noise", "style"])
def test_a_transfer_begins_where_it_is_told(start):
    content, style = photograph(), painting()
    begin = {"content": content, "noise": noise((24, 18), 4), "style": scaled(scaled(style, (18, 27)), (24, 18))}
    found = style_transfer(network(), content, style, recipe=replace(ONCE, start=start), seed=4)
    torch.testing.assert_close(found.images, begin[start])


def test_the_same_seed_gives_the_same_bits_and_noise_depends_on_it():
    recipe = replace(SOME, start="noise", descent=Descent(8))
    one, again, other = (transfer(network(), photograph(), painting(), recipe=recipe, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(one.images, again.images)
    assert not torch.equal(one.images, other.images)


def test_each_scale_is_twice_the_one_before_and_begins_with_its_picture():
    model, content = network(), photograph((70, 64))
    seen = sizes_seen(model)
    found = style_transfer(model, content, painting((32, 40)), recipe=replace(ONCE, scales=3))
    looked = [size for size in dict.fromkeys(seen) if size in {(18, 16), (35, 32), (70, 64)}]
    assert looked == [(18, 16), (35, 32), (70, 64)]
    styles = [size for size in dict.fromkeys(seen) if size in {(16, 21), (32, 40), (64, 80)}]
    assert styles == [(16, 21), (32, 40), (64, 80)]  # its shorter side is the content's; it shrinks with that
    begin = scaled(content, (18, 16))
    torch.testing.assert_close(found.images, scaled(scaled(begin, (35, 32)), (70, 64)))
    assert found.history.shape == (1, 1)


def test_a_scale_that_is_too_small_is_refused_before_anything_is_computed():
    model = network()
    seen = sizes_seen(model)
    with pytest.raises(BadInput, match="3 scales of 70x60 pixels begin below 16; take fewer scales"):
        style_transfer(model, photograph((70, 60)), painting(), recipe=replace(ONCE, scales=3))
    assert not seen
    style_transfer(model, photograph((10, 12)), painting(), recipe=ONCE)  # one scale may be as small as it likes


@pytest.mark.parametrize(
    ("style", "scale", "expected"),
    [((200, 90), 1.0, (40, 18)), ((4, 6), 1.0, (18, 27)), ((20, 30), 2.0, (36, 54)), ((20, 30), 0.5, (9, 14))],
    ids=["much larger", "much smaller", "larger strokes", "smaller strokes"],
)
def test_a_style_of_any_size_is_brought_to_the_contents_scale(style, scale, expected):
    model = network()
    seen = sizes_seen(model)
    found = transfer(model, photograph(), painting(style), recipe=replace(SOME, style_scale=scale))
    assert expected in seen
    assert style not in seen
    assert float(found.loss) < 0.7 * float(found.history[0, 0])


def test_the_colours_of_a_matched_style_are_the_contents():
    model, content, style = network(), photograph(), scaled(painting(), (18, 27))
    found = style_transfer(model, content, painting(), recipe=replace(ONCE, colors="matched", content_weight=0))
    expected = style_loss(model, with_colors_like(style, content), STYLE)(model, content)
    torch.testing.assert_close(found.loss, 10 * expected, rtol=1e-4, atol=1e-9)
    plain = style_transfer(model, content, painting(), recipe=replace(ONCE, content_weight=0))
    assert float(found.loss) < float(plain.loss)


def test_a_transfer_of_luminance_keeps_the_contents_colours():
    model, content = network(), photograph()
    recipe = replace(ONCE, colors="content")
    found = style_transfer(model, content, painting(), recipe=recipe)
    style = grey_like(scaled(painting(), (18, 27)), content)
    begin = grey(content)
    expected = 10 * style_loss(model, style, STYLE)(model, begin)
    assert float(found.parts["content relu2"]) == pytest.approx(0, abs=1e-9)
    torch.testing.assert_close(found.loss, expected, rtol=1e-4, atol=1e-9)
    torch.testing.assert_close(found.images, content)  # the start's luminance is the content's own
    moved = transfer(model, content, painting(), recipe=replace(recipe, descent=Descent(10))).images
    inside = ((moved > 0) & (moved < 1)).all(1, keepdim=True).expand_as(moved)
    colour = moved - luminance(moved)
    torch.testing.assert_close(colour[inside], (content - luminance(content))[inside], rtol=0, atol=1e-5)
    assert float((moved - content).abs().mean()) > 1e-3


@pytest.mark.parametrize("colors", ["style", "matched", "content"])
@pytest.mark.parametrize("style", ["grey", "flat"])
def test_a_grey_style_works_in_all_colours(colors, style):
    given = grey(painting()) if style == "grey" else torch.full((1, 3, 20, 30), 0.4)
    found = transfer(network(), photograph(), given, recipe=replace(SOME, colors=colors, descent=Descent(6)))
    assert torch.isfinite(found.images).all()
    assert torch.isfinite(found.loss).all()
    assert float(found.loss) <= float(found.history[0, 0])


def test_several_styles_are_blended():
    model, content = network(), photograph()
    styles = [painting(), painting((50, 18), 6)]
    ready = [scaled(styles[0], (18, 27)), styles[1]]
    found = style_transfer(model, content, styles, blend=(1, 3), recipe=replace(ONCE, content_weight=0))
    expected = 10 * style_loss(model, ready, STYLE, blend=(0.25, 0.75))(model, content)
    torch.testing.assert_close(found.loss, expected, rtol=1e-4, atol=1e-9)


def test_regions_have_styles_of_their_own():
    model, content = network(), photograph()
    left = torch.zeros(1, 1, 24, 18)
    left[..., :9] = 1
    regions = [Region(left, painting()), Region(1 - left, painting((40, 36), 6))]
    found = style_transfer(model, content, regions, recipe=replace(ONCE, content_weight=0))
    ready = [
        replace(region, style=scaled(region.style, size))
        for region, size in zip(regions, ((18, 27), (20, 18)), strict=True)
    ]
    expected = 10 * region_loss(model, ready, STYLE)(model, content)
    torch.testing.assert_close(found.loss, expected, rtol=1e-4, atol=1e-9)
    assert set(found.parts) == {f"style {number} {layer}" for number in (0, 1) for layer in STYLE}


def test_regions_of_red_and_blue_make_one_half_red_and_one_blue():
    left = torch.zeros(1, 1, 32, 32)
    left[..., :16] = 1
    red, blue = (
        pictures(1, (24, 24), 7) * torch.tensor(colour)[:, None, None] for colour in ((1.0, 0.1, 0.1), (0.1, 0.1, 1.0))
    )
    recipe = replace(SOME, scales=2, content_weight=0.01)
    made = transfer(network(), photograph((32, 32)), [Region(left, red), Region(1 - left, blue)], recipe=recipe).images
    difference = (made[:, 0] - made[:, 2])[0]
    assert float(difference[:, :14].mean()) > 0.1
    assert float(difference[:, 18:].mean()) < -0.1


def test_all_regions_or_none():
    region = Region(torch.ones(1, 1, 24, 18), painting())
    for styles, blend in (([region, painting()], None), ([region], (1.0,))):
        with pytest.raises(BadInput, match="give regions alone, without other styles or shares"):
            style_transfer(network(), photograph(), styles, blend=blend, recipe=ONCE)  # pyright: ignore[reportArgumentType]


def test_images_too_small_for_a_layer_are_refused_in_one_line_that_names_it():
    model = VGG19("average").requires_grad_(False)
    with pytest.raises(BadInput, match=r"images of 8x8 pixels are too small for layers .*'conv5_1'\]") as error:
        style_transfer(model, photograph((8, 8)), painting(), recipe=StyleRecipe(descent=Descent(1)))
    assert "\n" not in str(error.value)
    with pytest.raises(BadInput, match=r"images of 4x4 pixels are too small for layers \['conv4_2'"):
        style_transfer(model, photograph((4, 4)), painting(), recipe=StyleRecipe(descent=Descent(1)))
    found = style_transfer(model, photograph((16, 16)), painting(), recipe=StyleRecipe(descent=Descent(1)))
    assert [name for name in found.parts if name != "content conv4_2"] == [
        f"style {layer}" for layer in RELEASED_WEIGHTS
    ]


@pytest.mark.parametrize(
    ("content", "styles", "message"),
    [
        (pictures(2), painting(), r"the content is one image \(1, 3, h, w\), not 2; call once for each"),
        (pictures(), pictures(2), r"a style is one image \(1, 3, h, w\), not 2"),
        (pictures(), [], "there is no style; give at least one image"),
    ],
)
def test_batches_and_no_styles_are_refused(content, styles, message):
    with pytest.raises(BadInput, match=message):
        style_transfer(network(), content, styles, recipe=ONCE)


def test_no_weights_at_all_are_refused():
    with pytest.raises(BadInput, match="all weights of the loss are zero"):
        style_transfer(network(), photograph(), painting(), recipe=replace(ONCE, content_weight=0, style_weight=0))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"start": "white"}, "start is one of content, noise, style, not 'white'"),
        ({"colors": "none"}, "colors is one of style, matched, content, not 'none'"),
        ({"style_scale": 0.0}, "the style's scale is a positive factor, not 0"),
        ({"style_scale": float("inf")}, "positive factor, not inf"),
        ({"scales": 0}, "at 1 scale or more, not 0"),
        ({"content_weight": -1.0}, "content_weight of a style is at least 0, not -1"),
        ({"style_weight": float("nan")}, "style_weight of a style is at least 0, not nan"),
        ({"variation_weight": float("inf")}, "variation_weight of a style is at least 0, not inf"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, message):
    recipe = StyleRecipe()
    for name, value in settings.items():
        object.__setattr__(recipe, name, value)
    with pytest.raises(BadInput, match=message):
        inspect.unwrap(StyleRecipe.__post_init__)(recipe)
