"""The pictures that the book shows are neither grey nor saturated nor noise: measured on every unit of the figures."""

from dataclasses import fields

import numpy as np
import pytest
import torch

from innerview.core.spectrum import high_frequency_share
from innerview.optimize import Recipe, ascend, channel, side_by_side
from replication.olah2017_feature_visualization.config import Config, Unit
from replication.olah2017_feature_visualization.paper import PAPER


def units(value):
    """Find all units in a configuration."""
    if isinstance(value, Unit):
        return [value]
    return [unit for entry in value for unit in units(entry)] if isinstance(value, tuple) else []


CONFIG: Config = PAPER.config("book")
UNITS = sorted({unit for field in fields(CONFIG) for unit in units(getattr(CONFIG, field.name))})


def faults(image: np.ndarray) -> list[str]:
    """Return what is wrong with a picture ``(3, h, w)``."""
    clipped = float(np.mean((image < 1 / 255) | (image > 254 / 255)))
    share = float(high_frequency_share(torch.from_numpy(image)[None])[0])
    found = {
        "grey": image.std() < 0.08,
        "without colour": np.ptp(image, axis=0).mean() < 0.04,
        "saturated": clipped > 0.05,
        "dark or bright": not 0.25 < image.mean() < 0.75,
        "noise": share > 0.3,  # white noise has 1 - pi / 16 = 0.8
    }
    return [name for name, is_so in found.items() if is_so]


def test_faults_are_found():
    random = np.random.default_rng(0)
    smooth = np.kron(random.random((3, 8, 8)), np.ones((8, 8))).astype(np.float32) * 0.8 + 0.1
    assert faults(smooth) == []
    assert "grey" in faults(np.full((3, 64, 64), 0.5, np.float32) + 0.01 * smooth)
    assert "saturated" in faults((smooth > 0.5).astype(np.float32))
    assert "noise" in faults(random.random((3, 64, 64)).astype(np.float32))
    assert "without colour" in faults(np.repeat(smooth[:1], 3, axis=0))
    assert "dark or bright" in faults(smooth * 0.2)


def test_the_figures_show_units_of_several_layers():
    assert len(UNITS) >= 12
    assert len({unit.layer for unit in UNITS}) >= 4


@pytest.mark.mirror
def test_every_unit_of_the_figures_becomes_a_clean_picture(googlenet):
    """A quarter of the book's steps: what is dead, grey or noisy then stays so."""
    objective = side_by_side([channel(unit.layer, unit.channel) for unit in UNITS])
    recipe = Recipe(steps=64, transforms=CONFIG.transforms)
    found = ascend(googlenet, objective, size=80, seed=0, recipe=recipe)
    assert not found.dead.any()
    bad = {
        str(unit): wrong for unit, image in zip(UNITS, found.images, strict=True) if (wrong := faults(image.numpy()))
    }
    assert bad == {}
