"""Growing a texture against the paper written down pixel by pixel, and what its parameters promise."""

import math

import pytest
import torch

from innerview.core.errors import BadInput, NotFinite
from innerview.core.seeds import generator
from innerview.synthesis.nonparametric import efros_leung


@pytest.fixture(scope="module")
def sample():
    """Noise in double precision: no two distances are equal, and every pixel can be told from every other."""
    return torch.rand(1, 3, 11, 9, generator=generator("test")).double()


@pytest.fixture(scope="module")
def smooth():
    """Waves, of which many windows are nearly alike."""
    rows, columns = torch.meshgrid(torch.arange(24.0), torch.arange(20.0), indexing="ij")
    waves = [torch.sin(rows / 2), torch.cos(columns / 2), torch.sin((rows + columns) / 3)]
    return (torch.stack(waves)[None] / 2 + 0.5).clamp(0, 1)


class Paper:
    """The paper in plain Python: lists of pixels, one window after another."""

    def __init__(self, sample, size, window, tolerance, draw):
        self.sample, self.half, self.tolerance, self.draw = sample[0].tolist(), window // 2, tolerance, draw
        self.rows, self.columns = sample.shape[-2:]
        self.size, self.picture = size, {}
        self.sigma = window / 6.4

    def pixel(self, row, column):
        return [self.sample[colour][row][column] for colour in range(3)]

    def around(self, row, column, reach):
        """Yield the offsets at which a pixel is known."""
        for down in range(-reach, reach + 1):
            for right in range(-reach, reach + 1):
                if (row + down, column + right) in self.picture:
                    yield down, right

    def plant(self):
        top, left = (int(torch.randint(side - 2, (), generator=self.draw)) for side in (self.rows, self.columns))
        for row in range(3):
            for column in range(3):
                place = (self.size[0] - 3) // 2 + row, (self.size[1] - 3) // 2 + column
                self.picture[place] = self.pixel(top + row, left + column)

    def layer(self):
        places = [(row, column) for row in range(self.size[0]) for column in range(self.size[1])]
        places = [place for place in places if place not in self.picture and any(self.around(*place, 1))]
        shuffled = [places[place] for place in torch.randperm(len(places), generator=self.draw).tolist()]
        return sorted(shuffled, key=lambda place: -len(list(self.around(place[0], place[1], 1))))

    def distance(self, row, column, middle_row, middle_column):
        total, error = 0.0, 0.0
        for down, right in self.around(row, column, self.half):
            weight = math.exp(-(down**2 + right**2) / (2 * self.sigma**2))
            here = self.picture[row + down, column + right]
            there = self.pixel(middle_row + down, middle_column + right)
            total += weight
            error += weight * sum((a - b) ** 2 for a, b in zip(here, there, strict=True))
        return error / total

    def best(self, row, column):
        middles = [
            (i, j) for i in range(self.half, self.rows - self.half) for j in range(self.half, self.columns - self.half)
        ]
        errors = [self.distance(row, column, *middle) for middle in middles]
        most = min(errors) * (1 + self.tolerance)
        return [middle for middle, error in zip(middles, errors, strict=True) if error <= most]

    def grow(self):
        self.plant()
        while layer := self.layer():
            for place in layer:
                found = self.best(*place)
                chosen = found[int(torch.randint(len(found), (), generator=self.draw))]
                self.picture[place] = self.pixel(*chosen)
        rows = [[self.picture[i, j] for j in range(self.size[1])] for i in range(self.size[0])]
        return torch.tensor(rows, dtype=torch.float64).permute(2, 0, 1)[None]


@pytest.mark.parametrize(("window", "tolerance", "size"), [(3, 0.1, (8, 7)), (5, 0.4, (9, 8)), (9, 0.1, (7, 7))])
def test_is_the_papers(sample, window, tolerance, size):
    paper = Paper(sample, size, window, tolerance, generator("efros_leung", 4)).grow()
    ours = efros_leung(sample, size, window=window, tolerance=tolerance, seed=4)
    assert torch.equal(ours, paper)


def test_is_the_papers_where_windows_are_nearly_alike(smooth):
    """Here the rounding of float32 is larger than what tells the windows apart."""
    smooth = (0.5 + 0.01 * (smooth - 0.5))[..., :14, :12]
    paper = Paper(smooth.double(), (9, 9), 5, 0.1, generator("efros_leung", 0)).grow()
    assert torch.equal(efros_leung(smooth, 9, window=5).double(), paper)


def pixels(images):
    return {tuple(colour) for colour in images[0].flatten(1).T.tolist()}


def test_every_pixel_is_the_samples(sample):
    grown = efros_leung(sample, (12, 17), window=5)
    assert grown.shape == (1, 3, 12, 17)
    assert grown.dtype == sample.dtype
    assert pixels(grown) <= pixels(sample)


def test_a_seed_repeats_and_another_differs(smooth):
    first, again, other = (efros_leung(smooth, 12, window=5, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_stripes_stay_stripes():
    """A window wider than the period knows where it is: no pixel may differ from the stripe it lies in."""
    stripes = (torch.arange(20) % 4 < 2).float().expand(1, 3, 20, 20)
    grown = efros_leung(stripes, (16, 18), window=7)
    assert torch.equal(grown, grown[..., :1, :].expand_as(grown))
    row = grown[0, 0, 0]
    assert torch.equal(row[4:], row[:-4])
    assert torch.equal(row[2:], 1 - row[:-2])


def test_a_start_stays_in_the_middle(sample):
    start = sample[..., 2:8, 1:8]
    assert torch.equal(efros_leung(sample, (10, 11), window=5, start=start)[..., 2:8, 2:9], start)
    assert torch.equal(efros_leung(sample, (6, 7), window=5, start=start), start)


def test_what_was_cut_off_grows_back(sample):
    """With noise, only the true window fits a large known part; its middle is the pixel that was cut off."""
    start = sample[..., 2:9, 2:6]  # column 6 and its right neighbours lie within windows of 5
    grown = efros_leung(sample, (7, 6), window=5, start=start, tolerance=0.0)
    assert torch.equal(grown[..., 1:5], start)
    assert torch.equal(grown[..., 5], sample[..., 2:9, 6])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sample": torch.zeros(2, 3, 16, 16)}, "one sample, not from 2"),
        ({"window": 4}, "odd number from 3 on, not 4"),
        ({"window": 1}, "odd number from 3 on, not 1"),
        ({"window": 17}, "17 pixels does not fit in a sample of 16x16"),
        ({"tolerance": -0.1}, "at least 0, not -0.1"),
        ({"tolerance": math.nan}, "at least 0, not nan"),
        ({"size": (2, 9)}, "2x9 pixels does not hold its start of 3x3"),
        ({"size": 9, "start": torch.zeros(1, 3, 4, 10)}, "9x9 pixels does not hold its start of 4x10"),
        ({"start": torch.zeros(2, 3, 4, 4)}, "one start, not from 2"),
    ],
)
def test_bad_input(change, message):
    arguments = {"sample": torch.zeros(1, 3, 16, 16), "size": 12, **change}
    with pytest.raises(BadInput, match=message) as error:
        efros_leung(arguments.pop("sample"), arguments.pop("size"), **arguments)
    assert "\n" not in str(error.value)


def test_a_sample_with_nan():
    with pytest.raises(NotFinite):
        efros_leung(torch.full((1, 3, 16, 16), math.nan), 12)
