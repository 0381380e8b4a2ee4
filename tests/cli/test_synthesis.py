"""``innerview style``, ``texture``, ``invert``: the pictures are the library's; what is wrong is said in one line."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter
from torch import Tensor

from innerview.core.images import from_array, read_image, to_array, write_image
from innerview.synthesis import (
    Descent,
    InversionRecipe,
    Region,
    StyleRecipe,
    TextureRecipe,
    efros_leung,
    invert,
    memory,
    patch_texture,
    picture_files,
    style_transfer,
    texture,
)
from innerview.synthesis.style_files import save_style_network
from innerview.synthesis.style_networks import StyleArchitecture, StyleNetwork, stylize

SMALL = ("--model", "efficientnet_lite0", "--size", 48)
LAYERS = ("--content-layers", "blocks.3", "--style-layers", "blocks.0,blocks.2")
STEPS = ("--steps", 3)
NETWORK = ("vgg19_uint8", "vgg19_float32_early")
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(invoked: Command) -> Command:
    """Run the command here: arguments -> status, standard output, standard error."""

    def run(*arguments: object) -> tuple[int, str, str]:
        status, told, err = invoked(*arguments)
        return status, told, err.replace("\r", "\n")

    return run


def said(err: str) -> list[str]:
    """Return what the command says on the standard error beside its progress."""
    return [line for line in err.splitlines() if line.startswith("innerview: ")]


def picture(path: Path, size: tuple[int, int], spot: float, seed: int, mode: str = "RGB") -> Path:
    noise = np.random.default_rng(seed).normal(size=(*size, 3))
    smooth = gaussian_filter(noise, (spot, spot, 0), mode="wrap")
    pixels = (128 + 60 * smooth / smooth.std()).clip(0, 255).astype(np.uint8)
    Image.fromarray(pixels).convert(mode).save(path)
    return path


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return picture(tmp_path / "photo.png", (60, 80), 5, 0)


@pytest.fixture
def first(tmp_path: Path) -> Path:
    return picture(tmp_path / "first.png", (90, 70), 2, 1)


@pytest.fixture
def second(tmp_path: Path) -> Path:
    return picture(tmp_path / "second.jpg", (50, 64), 3, 2, "L")  # grey


@pytest.fixture
def network(tmp_path: Path) -> Path:
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        made = StyleNetwork(StyleArchitecture(3, 1, "conditional", ("stars", "scream", "pebbles")))
        for parameter in made.parameters():
            torch.nn.init.normal_(parameter, std=0.5)
    save_style_network(tmp_path / "network.safetensors", made, {})
    return tmp_path / "network.safetensors"


@pytest.fixture
def mask(tmp_path: Path) -> Path:
    pixels = np.zeros((48, 64), dtype=np.uint8)
    pixels[:, :24] = 255
    Image.fromarray(pixels).save(tmp_path / "mask.png")
    return tmp_path / "mask.png"


def assert_shows(path: Path, images: Tensor) -> None:
    """Assert that a file holds these images to the last bit."""
    with Image.open(path) as file:
        np.testing.assert_array_equal(np.asarray(file.convert("RGB")), to_array(images)[0])


RECIPE = StyleRecipe(content=("blocks.3",), style=("blocks.0", "blocks.2"), descent=Descent(3))


def test_one_style(run, embedded, photo, first, tmp_path):
    out = tmp_path / "new" / "out.png"
    status, told, err = run("style", photo, first, "-o", out, *SMALL, *LAYERS, *STEPS)
    wanted = style_transfer(embedded, read_image(photo, 48), read_image(first, 48), recipe=RECIPE)
    assert status == 0
    assert said(err) == []
    assert "descent:" in err
    assert_shows(out, wanted.images)
    history, last = float(wanted.history[0, 0]), float(wanted.loss)
    assert told == f"{out}: loss {history:.4g}, after 3 steps {last:.4g}\n"
    assert last < history


def test_options_of_a_style_reach_the_library(run, embedded, photo, first, second, tmp_path):
    """Every one differs from its default, and the picture is the library's."""
    recipe = replace(
        RECIPE, content_weight=2.0, style_weight=300.0, variation_weight=0.001, start="noise", colors="matched",
        scales=2, style_scale=0.75, descent=Descent(2),
    )  # fmt: skip
    out = tmp_path / "out.png"
    status, _, err = run(
        "style", photo, first, second, "-o", out, *SMALL, *LAYERS, "--steps", 2, "--blend", "0.3, 0.7",
        "--content-weight", 2, "--style-weight", 300, "--variation-weight", 0.001, "--start", "noise",
        "--colors", "matched", "--scales", 2, "--style-scale", 0.75, "--seed", 5,
    )  # fmt: skip
    assert (status, said(err)) == (0, [])
    styles = [read_image(path, 36) for path in (first, second)]
    wanted = style_transfer(embedded, read_image(photo, 48), styles, blend=[0.3, 0.7], recipe=recipe, seed=5)
    assert_shows(out, wanted.images)


def test_a_mask_gives_white_the_first_style_and_black_the_second(run, embedded, photo, first, second, mask, tmp_path):
    out = tmp_path / "out.png"
    status, _, _ = run("style", photo, first, second, "-o", out, *SMALL, *LAYERS, *STEPS, "--mask", mask)
    white = torch.zeros(1, 1, 48, 64)
    white[..., :24] = 1
    regions = [Region(white, read_image(first, 48)), Region(1 - white, read_image(second, 48))]
    wanted = style_transfer(embedded, read_image(photo, 48), regions, recipe=RECIPE)
    assert status == 0
    assert_shows(out, wanted.images)
    swapped = [Region(region.where, regions[1 - place].style) for place, region in enumerate(regions)]
    crossed = style_transfer(embedded, read_image(photo, 48), swapped, recipe=RECIPE)
    assert float((crossed.images - wanted.images).abs().max()) > 0.01


def test_a_mask_may_be_of_another_size(run, photo, first, second, mask, tmp_path):
    small, large = tmp_path / "small.png", tmp_path / "large.png"
    with Image.open(mask) as drawn:
        drawn.resize((640, 480), Image.Resampling.NEAREST).save(tmp_path / "larger.png")
    for out, one in ((small, mask), (large, tmp_path / "larger.png")):
        assert run("style", photo, first, second, "-o", out, *SMALL, *LAYERS, *STEPS, "--mask", one)[0] == 0
    assert float((read_image(small) - read_image(large)).abs().max()) < 3 / 255


@pytest.mark.parametrize(
    ("styles", "mixture", "told"),
    [
        (("scream",), "scream", "scream 1"),
        (("stars=0.25", "pebbles=0.75"), {"stars": 0.25, "pebbles": 0.75}, "stars 0.25, pebbles 0.75"),
        (("stars", "scream"), {"stars": 1, "scream": 1}, "stars 1, scream 1"),
    ],
)
def test_a_trained_network_needs_one_pass(run, photo, network, tmp_path, styles, mixture, told):
    out = tmp_path / "out.png"
    status, line, err = run("style", photo, *styles, "-o", out, "--network", network, "--size", 32)
    assert (status, err) == (0, "")
    assert line == f"{out}: {told}\n"
    assert_shows(out, stylize(picture_files.load_style_network(network), read_image(photo, 32), mixture))


def test_a_network_of_one_style_needs_no_name(run, photo, tmp_path):
    save_style_network(tmp_path / "one.safetensors", StyleNetwork(StyleArchitecture(2, 0)), {})
    status, line, _ = run("style", photo, "-o", tmp_path / "out.png", "--network", tmp_path / "one.safetensors")
    assert (status, line) == (0, f"{tmp_path / 'out.png'}: its one style\n")
    assert read_image(tmp_path / "out.png").shape == (1, 3, 256, 341)


def test_a_texture_of_a_network(run, embedded, first, tmp_path):
    out = tmp_path / "out.png"
    options = ("--layers", "blocks.0, blocks.2", "--sample-size", 40, "--match-histogram", "--seed", 3)
    status, told, err = run("texture", first, "-o", out, *SMALL, *options, *STEPS)
    recipe = TextureRecipe({"blocks.0": 0.5, "blocks.2": 0.5}, match_histogram=True, descent=Descent(3))
    wanted = texture(embedded, read_image(first, 40), size=48, recipe=recipe, seed=3)
    assert (status, said(err)) == (0, [])
    assert_shows(out, wanted.images)
    assert told.startswith(f"{out}: loss ")


def test_textures_without_a_network(run, first, tmp_path):
    out = tmp_path / "out.png"
    grown = ("--method", "efros-leung", "--size", 20, "--sample-size", 16, "--window", 5, "--seed", 2)
    status, told, _ = run("texture", first, "-o", out, *grown)
    assert (status, told) == (0, f"{out}: 20x20 pixels from 16, efros-leung\n")
    assert_shows(out, efros_leung(read_image(first, 16), 20, window=5, seed=2))
    joined = ("--method", "patches", "--size", 72, "--sample-size", 64, "--seed", 1, "--device", "cpu")
    status, told, _ = run("texture", first, "-o", out, *joined)
    assert (status, told) == (0, f"{out}: 72x72 pixels from 64, patches\n")
    assert_shows(out, patch_texture(read_image(first, 64), 72, seed=1))


def test_an_inversion(run, embedded, photo, tmp_path):
    out = tmp_path / "out.png"
    options = ("--layer", "blocks.2", "--fidelity", 30, "--seed", 4)
    status, told, err = run("invert", photo, "-o", out, *SMALL, *STEPS, *options)
    recipe = InversionRecipe(fidelity=30, descent=Descent(3))
    wanted = invert(embedded, read_image(photo, 48), "blocks.2", recipe=recipe, seed=4)
    assert (status, said(err)) == (0, [])
    assert_shows(out, wanted.images)
    assert told == f"{out}: loss {float(wanted.history[0, 0]):.4g}, after 3 steps {float(wanted.loss):.4g}\n"


def test_an_early_stop_is_one_line(run, tmp_path, first):
    write_image(tmp_path / "flat.png", from_array(np.full((48, 48, 3), 90, dtype=np.uint8)))
    flat = ("--content-weight", 0, "--style-weight", 0, "--variation-weight", 1)
    status, told, err = run("style", tmp_path / "flat.png", first, "-o", tmp_path / "out.png", *SMALL, *LAYERS, *flat)
    (line,) = said(err)
    assert status == 0
    assert line.startswith("innerview: the descent stopped after ")
    assert "of 300 steps: the gradient is zero" in line
    assert "StoppedEarly" not in err
    assert "warn" not in err
    assert told.startswith(f"{tmp_path / 'out.png'}: loss 0, ")


# What goes wrong


def refused(run: Command, folder: Path, says: str, *arguments: object) -> None:
    """Assert that the command ends with one line that says so, and leaves nothing behind."""
    before = sorted(folder.rglob("*"))
    status, told, err = run(*arguments, "-o", folder / "new" / "out.png")
    (line,) = said(err)
    assert status == 2
    assert told == ""
    assert says in line
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--blend", "0.3"), "2 styles need as many shares of at least 0, not [0.3]"),
        (("--blend", "much,little"), "--blend 'much,little' are no shares; write such as 0.3,0.7"),
        (("--start", "nothing"), "--start 'nothing' is unknown; near ones: noise; choose one of content, noise, style"),
        (("--colors", "red"), "--colors 'red' is unknown"),
        (("--content-layers", "blocks.99"), "has no layer 'blocks.99'; near ones: blocks.9"),
        (("--style-layers", "blocks.0,blocks.0"), "name layers, each once"),
        (("--scales", 9), "take fewer scales"),
        (("--content-weight", 0, "--style-weight", 0, "--variation-weight", 0), "all weights of the loss are zero"),
        (("--model", "gogglenet"), "near ones: googlenet"),
        (("--device", "tpu"), "unknown device"),
    ],
)
def test_options_of_a_style_that_cannot_be(run, photo, first, second, tmp_path, options, says):
    small = [one for one in (*SMALL, *LAYERS, *STEPS) if one != "--model" or "--model" not in options]
    small = small[1:] if "--model" in options else small  # its value
    refused(run, tmp_path, says, "style", photo, first, second, *small, *options)


def test_images_that_cannot_be_read(run, photo, first, tmp_path):
    (tmp_path / "text.jpg").write_text("this is not an image")
    Image.new("RGB", (4, 4)).save(tmp_path / "dot.png")
    for bad, says in (
        ("text.jpg", "is not an image"),
        ("dot.png", "is 4x4 pixels; the smallest"),
        ("no.png", "no image"),
    ):
        refused(run, tmp_path, says, "style", tmp_path / bad, first, *SMALL, *LAYERS)
        refused(run, tmp_path, says, "style", photo, tmp_path / bad, *SMALL, *LAYERS)
        refused(run, tmp_path, says, "style", photo, first, first, "--mask", tmp_path / bad, *SMALL, *LAYERS)
        refused(run, tmp_path, says, "texture", tmp_path / bad)
        refused(run, tmp_path, says, "texture", tmp_path / bad, "--method", "patches")
        refused(run, tmp_path, says, "texture", tmp_path / bad, "--method", "efros-leung")
        refused(run, tmp_path, says, "invert", tmp_path / bad, "--layer", "relu3_1")
    refused(run, tmp_path, "name at least one image that gives the style", "style", photo, *SMALL, *LAYERS)


def test_masks_that_cannot_be(run, photo, first, second, mask, tmp_path):
    Image.new("L", (160, 120), 255).save(tmp_path / "white.png")
    Image.new("L", (160, 120), 0).save(tmp_path / "black.png")
    Image.new("L", (120, 160), 0).save(tmp_path / "upright.png")
    small = (*SMALL, *LAYERS, *STEPS)
    for name, says in (
        ("white.png", "is all white, so that one style has no place"),
        ("black.png", "is all black, so that one style has no place"),
        ("upright.png", "is 120x160 pixels, which are not the proportions of the content, 64x48"),
    ):
        refused(run, tmp_path, says, "style", photo, first, second, "--mask", tmp_path / name, *small)
    refused(run, tmp_path, "name two, not 1", "style", photo, first, "--mask", mask, *small)
    two = ("style", photo, first, second, "--mask", mask)
    refused(run, tmp_path, "leave the blend out", *two, "--blend", "1,2", *small)


@pytest.mark.parametrize(
    ("styles", "says"),
    [
        (("skream",), "the network has no style 'skream'; near ones: scream"),
        ((), "say which style: the network has stars, scream, pebbles"),
        (("stars=much",), "'stars=much' gives no weight; write such as stars=0.5"),
        (("stars=-1",), "the weight of style stars is at least 0, not -1"),
        (("stars=0",), "the weights of the styles are all 0"),
        (("stars", "stars=2"), "style stars is named twice"),
        (("stars", "--steps", 10), "--network takes no --steps; leave it out"),
        (("stars", "--style-scale", 1), "--network takes no --style-scale; leave it out"),
        (("stars", "--size", 8), "are too small for a style; enlarge them to 16"),
    ],
)
def test_what_a_network_cannot_do(run, photo, network, tmp_path, styles, says):
    refused(run, tmp_path, says, "style", photo, *styles, "--network", network)


def test_foreign_network_files(run, photo, tmp_path):
    from safetensors.torch import save_file  # noqa: PLC0415

    save_file({"a": torch.zeros(2)}, tmp_path / "foreign.safetensors")
    (tmp_path / "text.safetensors").write_text("this is no network")
    for name, says in (
        ("foreign.safetensors", "is a network trained at another normalization"),
        ("text.safetensors", "holds no style network"),
        ("none.safetensors", "holds no style network"),
    ):
        refused(run, tmp_path, says, "style", photo, "stars", "--network", tmp_path / name)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--method", "efros"), "--method 'efros' is unknown; near ones: efros-leung"),
        (("--window", 5), "--method gram takes no --window; leave it out"),
        (("--method", "patches", "--match-histogram"), "--method patches takes no --match-histogram"),
        (("--method", "efros-leung", "--layers", "conv1_1"), "--method efros-leung takes no --layers"),
        (("--method", "efros-leung", "--window", 8), "give an odd number"),
        (("--method", "efros-leung", "--window", 15, "--sample-size", 12), "does not fit in a sample of"),
        (("--method", "patches", "--size", 16), "is too small for 3 levels"),
        (("--model", "efficientnet_lite0", "--layers", "blocks.99"), "has no layer 'blocks.99'"),
    ],
)
def test_options_of_a_texture_that_cannot_be(run, first, tmp_path, options, says):
    refused(run, tmp_path, says, "texture", first, *options)


def test_layers_that_cannot_be_inverted(run, photo, tmp_path):
    refused(run, tmp_path, "near ones: blocks.9", "invert", photo, "--layer", "blocks.99", *SMALL)
    write_image(tmp_path / "grey.png", from_array(np.full((48, 48, 3), 128, dtype=np.uint8)))
    refused(run, tmp_path, "unknown device", "invert", photo, "--layer", "blocks.2", *SMALL, "--device", "tpu")


def test_memory_that_does_not_suffice(run, monkeypatch, photo, first, network, tmp_path):
    """On a machine with one MiB; each is refused before the work, and most are told which size fits."""
    for module in (memory, picture_files):
        monkeypatch.setattr(module, "free_memory", lambda _device: 2**20)
    says = "GiB of memory, and 0.0 are free; make its shorter side "
    refused(run, tmp_path, says, "style", photo, first, *SMALL, *LAYERS)
    refused(run, tmp_path, says, "texture", first, *SMALL, "--layers", "blocks.0")
    refused(run, tmp_path, says, "invert", photo, "--layer", "blocks.0", *SMALL)
    shorter = "0.0 are free; make the shorter side "
    refused(run, tmp_path, shorter, "style", photo, "stars", "--network", network)
    sample = "make the sample's shorter side "
    refused(run, tmp_path, sample, "texture", first, "--method", "efros-leung")


def test_places_that_cannot_be_written_are_said_before_the_work(run, photo, first, tmp_path):
    (tmp_path / "taken").write_text("a file")
    for command in (("style", photo, first), ("texture", first), ("invert", photo, "--layer", "relu1_1")):
        for out, says in ((tmp_path / "taken" / "a.png", "is a file"), (tmp_path / "a.txt", "cannot tell the picture")):
            status, told, err = run(*command, "-o", out)
            assert (status, told) == (2, "")
            assert says in said(err)[0]


@pytest.mark.mirror
def test_with_the_papers_network(run, available, photo, first, tmp_path):
    for name in NETWORK:
        available(name)
    out = tmp_path / "out.png"
    for command in (
        ("style", photo, first, "--size", 32),
        ("texture", first, "--size", 32, "--sample-size", 32),
        ("invert", photo, "--layer", "relu3_1", "--size", 32),
    ):
        status, told, _ = run(*command, "-o", out, "--steps", 4)
        assert status == 0
        words = told.split()
        assert float(words[-1]) < float(words[2].rstrip(","))
        assert min(read_image(out).shape[-2:]) == 32
    refused(run, tmp_path, "images of 8x8 pixels are too small", "texture", first, "--size", 8)
    refused(run, tmp_path, "has no layer 'conv9_1'", "invert", photo, "--layer", "conv9_1")
