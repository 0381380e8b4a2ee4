"""Every figure whose panels differ in one setting: they do differ, in what is asked for and in what comes out."""

from itertools import combinations
from pathlib import Path

import pytest

from innerview.core.images import check_images
from innerview.replicate import Run, load_paper
from innerview.replicate.shelf import papers

ROOT = Path(__file__).parents[2]
SWEEPS = [(paper.name, name) for paper in papers(ROOT) for name in paper.sweeps]
LEAST = 0.05 / 255
"""Mean absolute difference of two panels: a twentieth of a level.

Two ways to compute one picture differ by rounding, in a few steps by less than 1e-5. Of panels that do differ, the
nearest to one another are textures of which the smoke preset makes three steps from faint noise: a third of a level.
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """One run of each paper in the smoke preset; a picture in two sweeps is made once."""
    started = {}

    def get(name):
        if name not in started:
            out = tmp_path_factory.mktemp("sweeps")
            started[name] = Run.start(load_paper(ROOT, name), "smoke", out=out, device="cpu")
        return started[name]

    return get


def test_there_are_sweeps():
    assert ("gatys2015_texture", "layers") in SWEEPS
    assert ("gatys2016_style", "grid") in SWEEPS


@pytest.mark.parametrize(("paper", "name"), SWEEPS)
def test_no_two_panels_are_asked_for_the_same_in_any_preset(paper, name):
    known = load_paper(ROOT, paper)
    for preset in known.presets:
        config = known.config(preset)
        for variation in (config, known.embedded(config)):
            panels = known.sweeps[name].variants(variation)
            assert len(panels) > 1
            same = [titles for titles in combinations(panels, 2) if panels[titles[0]] == panels[titles[1]]]
            assert not same, f"{preset}: {same}"


@pytest.mark.parametrize(("paper", "name"), SWEEPS)
def test_no_two_panels_show_the_same(paper, name, runs):
    run = runs(paper)
    sweep = run.paper.sweeps[name]
    panels = sweep.variants(run.config)
    images = sweep.make(run, panels)
    assert list(images) == list(panels)
    for image in images.values():
        check_images(image)
    alike = {
        titles: difference
        for titles in combinations(images, 2)
        if (difference := _difference(*(images[title] for title in titles))) < LEAST
    }
    assert not alike


def _difference(one, other):
    return float((one - other).abs().mean()) if one.shape == other.shape else float("inf")
