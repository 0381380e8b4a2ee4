"""The DeepDream replication: its measures in closed form, and panels that differ as their titles say."""

import itertools
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from innerview.models import find_layer
from innerview.replicate import Run, load_paper
from innerview.replicate.photos import photo

ROOT = Path(__file__).parents[2]
NAME = "mordvintsev2015_deepdream"
COMPARISONS = ["layer_variants", "octave_variants", "jitter_variants"]


@pytest.fixture
def paper():
    return load_paper(ROOT, NAME)


@pytest.fixture
def dreams(paper):
    """The module of the measures; looked up late, because other tests replace the package `replication`."""
    return sys.modules[f"replication.{NAME}.dreams"]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return tmp_path_factory.mktemp("results")


@pytest.fixture
def run(paper, results, monkeypatch):
    """A smoke run on the embedded model; what one test computed, the next finds."""
    monkeypatch.setenv("INNERVIEW_MISSING", "the weights were not looked for")
    begun = Run.start(paper, preset="smoke", out=results, device="cpu")
    assert begun.fallback
    return begun


def configurations(paper):
    presets = [paper.config(name) for name in paper.presets]
    return [*presets, *map(paper.embedded, presets)]


# Panels


@pytest.mark.parametrize("comparison", COMPARISONS)
def test_panels_have_configurations_that_differ(paper, dreams, comparison):
    for config in configurations(paper):
        panels = getattr(dreams, comparison)(config)
        assert len(panels) >= 2
        assert len(set(panels.values())) == len(panels)


@pytest.mark.parametrize("comparison", COMPARISONS)
def test_panels_show_dreams_that_differ(run, dreams, comparison):
    panels = dreams.variants(run, getattr(dreams, comparison)(run.config))
    assert len(panels) >= 2
    image = dreams.sky(run, run.config.study_width)
    for one, other in itertools.combinations([image, *panels.values()], 2):
        assert float((one - other).abs().mean()) > 1e-3


def test_octaves_are_compared_at_equally_many_steps(paper, dreams):
    for config in configurations(paper):
        (_, several), (_, one) = dreams.octave_variants(config).values()
        assert (several.octaves > 1, one.octaves) == (True, 1)
        assert several.octaves * several.steps == one.steps
        assert replace(one, octaves=several.octaves, steps=several.steps) == several


def test_jitter_is_all_that_differs_between_its_panels(paper, dreams):
    for config in configurations(paper):
        (name, with_jitter), (other, without) = dreams.jitter_variants(config).values()
        assert name == other == config.layer
        assert (with_jitter.jitter > 0, without.jitter) == (True, 0)
        assert replace(without, jitter=with_jitter.jitter) == with_jitter


def test_layers_are_all_that_differs_between_theirs(paper, dreams):
    for config in configurations(paper):
        panels = dreams.layer_variants(config)
        assert [name for name, _ in panels.values()] == list(config.layers) == list(panels)
        assert {recipe for _, recipe in panels.values()} == {config.dream}
        assert config.layer in config.layers


def test_the_guided_dream_differs_from_the_free_one_and_matches_the_guide_better(run, dreams):
    free, led = dreams.guided_dreams(run).values()
    assert float((free - led).abs().mean()) > 1e-3
    objective, model = dreams.guiding(run), run.model(run.config.model)
    assert float(objective(model, led)) > float(objective(model, free))


def test_the_zoom_begins_with_the_photograph(run, dreams):
    frames = dreams.zoom_frames(run)
    assert len(frames) == run.config.frames + 1
    assert torch.equal(frames[:1], dreams.sky(run, run.config.zoom_width))


# Configurations


def test_the_paper_preset_is_the_released_notebooks(paper):
    config = paper.config("paper")
    assert (config.model, config.layer, config.guide_layer) == ("googlenet", "inception_4c", "inception_3b")
    recipe = config.dream
    assert (recipe.octaves, recipe.octave_scale, recipe.steps) == (4, 1.4, 10)
    assert (recipe.step_size, recipe.jitter) == (1.5, 32)
    assert (config.width, config.frames, config.zoom) == (1024, 100, 0.05)


def test_the_book_preset_changes_sizes_only(paper):
    book, published = paper.config("book"), paper.config("paper")
    sizes = {"study_width", "zoom_width", "frames"}
    assert replace(book, **{name: getattr(published, name) for name in sizes}) == published


def test_the_stand_in_has_the_layers_in_the_same_order_and_photographs_that_are_there(paper, embedded):
    order = {name: place for place, (name, _) in enumerate(embedded.named_modules())}
    for preset in paper.presets:
        config = paper.config(preset)
        stand_in = paper.embedded(config)
        assert stand_in.model == "efficientnet_lite0"
        places = [order[name] for name in stand_in.layers]
        assert places == sorted(places)
        assert len(set(places)) == len(config.layers)
        assert stand_in.layers.index(stand_in.layer) == config.layers.index(config.layer)
        find_layer(embedded, stand_in.guide_layer)
        assert stand_in.width <= 640
        assert {photo(name).shape[1] for name in (stand_in.photo, stand_in.guide)} == {3}
        assert (stand_in.dream, stand_in.noise, stand_in.frames) == (config.dream, config.noise, config.frames)


# Measures


def wave(rows=0, columns=0, size=(128, 128)):
    """A cosine that reflection at the borders continues, so that a blur changes nothing but its height."""
    height, width = size
    down = torch.cos(torch.pi * rows * (torch.arange(height) + 0.5) / height)
    right = torch.cos(torch.pi * columns * (torch.arange(width) + 0.5) / width)
    return (down[:, None] * right).expand(1, 3, -1, -1)


@pytest.mark.parametrize(
    ("after", "correlation"),
    [
        (lambda u, _: u, 1),
        (lambda u, _: 0.3 * u + 0.2, 1),
        (lambda u, _: -u, -1),
        (lambda _, v: v, 0),
        (lambda u, v: u + v, 2**-0.5),
        (lambda u, v: u - 3**0.5 * v, 0.5),
        (lambda u, _: u + wave(127, 127), 1),  # the finest pattern is blurred away
    ],
)
def test_blurred_correlation_of_waves_is_their_cosine(dreams, after, correlation):
    u, v = wave(2, 0), wave(0, 2)
    assert dreams.blurred_correlation(u, after(u, v)) == pytest.approx(correlation, abs=1e-3)


def test_a_smaller_blur_lets_detail_count(dreams):
    u = wave(2, 0)
    assert dreams.blurred_correlation(u, u + wave(127, 127), sigma=0.1) == pytest.approx(1 / (1 + 0.5) ** 0.5, abs=0.01)


@pytest.mark.parametrize("strength", [0.01, 1.0])
@pytest.mark.parametrize("windows", [(2, 2), (3, 4)])
def test_unevenness_of_a_change_in_one_window_is_the_root_of_their_number(dreams, windows, strength):
    change = torch.zeros(1, 3, 32 * windows[0], 32 * windows[1])
    change[..., 32:64, 32:64] = strength
    assert dreams.unevenness(change) == pytest.approx((windows[0] * windows[1]) ** 0.5, rel=1e-5)


def test_unevenness_of_an_even_change_is_zero(dreams):
    change = torch.full((1, 3, 96, 64), 0.1)
    change[..., ::2, :] *= -1
    assert dreams.unevenness(change) == pytest.approx(0, abs=1e-6)


def test_unevenness_sees_where_and_not_how_fine(dreams):
    change = torch.zeros(1, 3, 64, 64)
    change[..., :32, ::2] = 1  # two of four windows, half their pixels
    assert dreams.unevenness(change) == pytest.approx((4 / 3) ** 0.5, rel=1e-5)


@pytest.mark.parametrize("exponent", [0, -1, -2, -3])
def test_the_spectral_slope_is_the_exponent_that_the_noise_was_made_with(dreams, exponent):
    noise = np.random.default_rng(0).normal(size=(256, 320))
    radius = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.rfftfreq(320))
    radius[0, 0] = 1
    shaped = np.fft.irfft2(np.fft.rfft2(noise) * radius ** (exponent / 2), s=noise.shape)
    images = torch.from_numpy(shaped).float().expand(1, 3, -1, -1)
    assert dreams.spectral_slope(images) == pytest.approx(exponent, abs=0.15)


class Grid(nn.Module):
    """Puts out every 16th pixel."""

    def __init__(self):
        super().__init__()
        self.layer = nn.MaxPool2d(1, stride=16)

    def forward(self, images):
        return self.layer(images)


def test_what_sits_on_the_grid_of_a_layer_does_not_survive_shifts(dreams):
    on_grid = torch.zeros(1, 3, 128, 160)
    on_grid[..., ::16, ::16] = 1
    assert dreams.energies(Grid(), on_grid, ("layer",)) == {"layer": 0.5}
    assert dreams.kept_under_shifts(Grid(), on_grid, "layer") == 0
    assert dreams.kept_under_shifts(Grid(), torch.full_like(on_grid, 0.3), "layer") == pytest.approx(1)


def test_shifts_move_the_window_as_they_say(dreams):
    model = nn.Sequential(nn.Identity())
    image = torch.rand(1, 3, 70, 90, generator=torch.Generator().manual_seed(0))
    inner = image[..., 16:-16, 16:-16].square().mean()
    moved = [image[..., 16 + d : 54 + d, 16 + r : 74 + r] for d, r in ((3, 5), (8, 8), (-7, 2), (4, -12), (-5, -9))]
    wanted = sum(float(window.square().mean() / inner) for window in moved) / 5
    assert dreams.kept_under_shifts(model, image, "0") == pytest.approx(wanted, rel=1e-5)


class Redness(nn.Module):
    """Two classes of probability r and 1 - r, r the mean of red; keeps what it saw."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, images):
        self.seen.append(images.clone())
        red = images[:, 0].mean((1, 2))
        return torch.stack([red, 1 - red], dim=1).log()


@pytest.mark.parametrize(
    ("size", "rows", "columns"),
    [
        ((224, 224), [0], [0]),
        ((225, 448), [0, 1], [0, 224]),
        ((300, 500), [0, 76], [0, 138, 276]),
        ((150, 230), [0], [0, 6]),
    ],
)
def test_windows_cover_the_image_and_their_probabilities_are_averaged(dreams, size, rows, columns):
    image = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(1))
    image[0, 1] = torch.arange(size[0] * size[1]).reshape(size)  # green numbers the pixels
    model = Redness()
    found = dreams.class_probabilities(model, image)
    windows = [image[..., top : top + 224, left : left + 224] for top in rows for left in columns]
    assert torch.equal(torch.cat(model.seen), torch.cat(windows))
    assert set(torch.cat(model.seen)[:, 1].unique().tolist()) == set(range(size[0] * size[1]))
    red = torch.stack([window[0, 0].mean() for window in windows]).mean()
    torch.testing.assert_close(found, torch.stack([red, 1 - red]))


def test_changed_windows_are_where_the_change_is_and_do_not_overlap(dreams):
    before = torch.zeros(1, 3, 128, 256)
    after = before.clone()
    after[..., 32:64, 192:224] = 1.0
    after[..., 64:96, 16:48] = 0.5
    (rows, columns), (other_rows, other_columns) = dreams.changed_windows(before, after, side=64, count=2)
    assert after[..., rows, columns].sum() == 3 * 32 * 32
    assert after[..., other_rows, other_columns].sum() == 3 * 32 * 32 / 2
    assert abs(rows.start - other_rows.start) >= 64 or abs(columns.start - other_columns.start) >= 64
