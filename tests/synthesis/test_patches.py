"""Texture optimisation against the paper written down patch by patch, and what its recipe promises."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from innerview.core.errors import BadInput
from innerview.core.seeds import generator
from innerview.synthesis import patches
from innerview.synthesis.patches import PatchRecipe, patch_texture

SMALL = PatchRecipe(patches=(8, 5), levels=2, rounds=2, overlap=2)


@pytest.fixture(scope="module")
def sample():
    """Noise, smoothed: on bare noise the first round is the last."""
    noise = torch.rand(1, 3, 37, 41, generator=generator("test")).double()
    smooth = F.avg_pool2d(noise, 5, stride=1)
    return (smooth - smooth.min()) / (smooth.max() - smooth.min())


class Paper:
    """The paper in NumPy, one patch after another."""

    def __init__(self, sample, size, recipe, draw):
        self.sample, self.size, self.recipe, self.draw = sample, size, recipe, draw

    def corners(self, size, side):
        """The corners of the patches on the grid, and at the far edges."""
        spacing = side // self.recipe.overlap
        axes = []
        for length in size:
            axis = list(range(0, length - side + 1, spacing))
            axes.append(axis if axis[-1] == length - side else [*axis, length - side])
        return [(row, column) for row in axes[0] for column in axes[1]]

    @staticmethod
    def gaussian(side):
        square = (np.arange(side) - (side - 1) / 2) ** 2
        return np.exp(-(square[:, None] + square) / (2 * (side / 4) ** 2))

    def search(self, patch, example, side):
        """The nearest patch of the sample."""
        weights = self.gaussian(side) / self.gaussian(side).sum()
        best, least = None, np.inf
        for row in range(example.shape[1] - side + 1):
            for column in range(example.shape[2] - side + 1):
                candidate = example[:, row : row + side, column : column + side]
                distance = (weights * ((candidate - patch) ** 2).mean(0)).sum()
                if distance < least:
                    best, least = candidate, distance
        return best, np.sqrt(least)

    def average(self, size, side, found, weights):
        total, weight = np.zeros((3, *size)), np.zeros(size)
        for (row, column), patch, share in zip(self.corners(size, side), found, weights, strict=True):
            total[:, row : row + side, column : column + side] += share * self.gaussian(side) * patch
            weight[row : row + side, column : column + side] += share * self.gaussian(side)
        return total / weight

    def start(self, size, side, example):
        count = len(self.corners(size, side))
        rows, columns = (
            torch.randint(length - side + 1, (count,), generator=self.draw).tolist() for length in example.shape[1:]
        )
        found = [
            example[:, row : row + side, column : column + side] for row, column in zip(rows, columns, strict=True)
        ]
        picture = np.zeros((3, *size))
        for (row, column), patch in zip(self.corners(size, side), found, strict=True):
            picture[:, row : row + side, column : column + side] = patch
        return picture

    def matched(self, picture, example, side):
        return [
            self.search(picture[:, row : row + side, column : column + side], example, side)
            for row, column in self.corners(picture.shape[1:], side)
        ]

    def energy(self, picture, example, side):
        return sum(distance**self.recipe.power for _, distance in self.matched(picture, example, side))

    def __call__(self):
        picture = None
        for level in reversed(range(self.recipe.levels)):
            size = [length // 2**level for length in self.size]
            small = [length // 2**level for length in self.sample.shape[-2:]]
            example = F.interpolate(self.sample, small, mode="bilinear", antialias=True)[0].numpy()
            for side in self.recipe.patches:
                if side > min(size) or side > min(small) * 2 / 3:
                    continue
                if picture is None:
                    picture = self.start(size, side, example)
                if list(picture.shape[1:]) != size:
                    picture = F.interpolate(torch.from_numpy(picture)[None], size, mode="bilinear")[0].numpy()
                before = None
                for _ in range(self.recipe.rounds):
                    found = self.matched(picture, example, side)
                    matches = np.array([patch for patch, _ in found])
                    if before is not None and np.array_equal(matches, before):
                        break
                    before = matches
                    weights = [max(distance, 1e-3) ** (self.recipe.power - 2) for _, distance in found]
                    picture = self.average(size, side, [patch for patch, _ in found], weights)
        return torch.from_numpy(picture)[None]


@pytest.mark.parametrize(
    ("size", "recipe"),
    [
        ((22, 19), SMALL),
        ((14, 11), replace(SMALL, patches=(9, 4), overlap=4, power=2.0)),
        ((23, 24), replace(SMALL, levels=1, patches=(23, 6))),  # 23 is more than two thirds of the sample
    ],
)
def test_is_the_papers(sample, size, recipe):
    paper = Paper(sample, size, recipe, generator("patch_texture", 3))()
    ours = patch_texture(sample, size, recipe=recipe, seed=3)
    torch.testing.assert_close(ours, paper, rtol=0, atol=1e-9)


@pytest.mark.parametrize("power", [0.8, 2.0])
def test_no_round_raises_the_energy(sample, power):
    recipe = PatchRecipe(patches=(8,), levels=1, power=power)
    example = sample[0, :, :20, :20].numpy()
    energies = []
    for rounds in range(1, 6):
        made = patch_texture(sample[..., :20, :20], 18, recipe=replace(recipe, rounds=rounds))
        energies.append(Paper(sample, (18, 18), recipe, None).energy(made[0].numpy(), example, 8))
    assert energies == sorted(energies, reverse=True)
    assert energies[-1] < 0.9 * energies[0]


def test_a_piece_of_the_sample_stays(sample):
    """Every patch finds itself, so nothing is averaged away."""
    piece = sample[..., 3:25, 4:23]
    grid = patches._Grid((22, 19), 6, 3)
    torch.testing.assert_close(patches._settled(piece, sample, grid, SMALL), piece)


def test_a_robust_average_is_sharper():
    """The average of unlike patches is grey; with weights the good matches decide."""
    noise = torch.rand(1, 3, 64, 64, generator=generator("noise"))
    deviations = [patch_texture(noise, 48, recipe=PatchRecipe(power=power)).std() for power in (0.8, 2.0)]
    assert deviations[0] > deviations[1]


def test_the_search_in_pieces_finds_the_same(sample, monkeypatch):
    grid = patches._Grid((20, 20), 5, 2)
    queries = torch.rand(len(grid.pixels), 75, generator=generator("queries")).double()
    whole = patches._nearest(queries, sample, grid)
    assert len(whole.unique()) > 10
    monkeypatch.setattr(patches, "NUMBERS_AT_ONCE", 1)
    assert torch.equal(patches._nearest(queries, sample, grid), whole)


def test_it_stops_where_no_patch_finds_another_match(sample):
    """Else the weights would go on to change the last bits for dozens of rounds."""
    recipe = replace(SMALL, levels=1, patches=(8,), overlap=4)
    after = [patch_texture(sample, 20, recipe=replace(recipe, rounds=rounds)) for rounds in (1, 2, 40, 41, 80)]
    changed = [not torch.equal(one, other) for one, other in pairwise(after)]
    assert changed[0]
    assert not any(changed[-2:])


def test_a_seed_repeats_and_another_differs(sample):
    sample = sample.float()
    first, again, other = (patch_texture(sample, (20, 26), recipe=SMALL, seed=seed) for seed in (0, 0, 1))
    assert first.shape == (1, 3, 20, 26)
    assert first.dtype == torch.float32
    assert 0 <= first.min() < first.max() <= 1
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"levels": 0}, "levels of a patch texture is at least 1, not 0"),
        ({"rounds": 0}, "rounds of a patch texture is at least 1, not 0"),
        ({"overlap": 0}, "overlap of a patch texture is at least 1, not 0"),
        ({"patches": ()}, "at least 2"),
        ({"patches": (8, 3)}, r"at least `overlap` \(4\)"),
        ({"power": 0.0}, "above 0 and at most 2, not 0.0"),
        ({"power": 2.1}, "above 0 and at most 2, not 2.1"),
    ],
)
def test_bad_recipes(change, message):
    with pytest.raises(BadInput, match=message):
        PatchRecipe(**change)


@pytest.mark.parametrize(
    ("shape", "size", "message"),
    [
        ((2, 3, 64, 64), 64, "one sample, not from 2"),
        ((1, 3, 63, 64), 64, "sample of 63x64 pixels is too small for 3 levels with patches of 8: it needs 64 a side"),
        ((1, 3, 64, 64), (40, 31), "picture of 40x31 pixels is too small for 3 levels with patches of 8: it needs 32"),
    ],
)
def test_bad_input(shape, size, message):
    with pytest.raises(BadInput, match=message) as error:
        patch_texture(torch.zeros(shape), size)
    assert "\n" not in str(error.value)
