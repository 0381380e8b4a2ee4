"""Features on disk: the network's own numbers, each computed once, whatever stops the work."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from innerview.core.errors import BadInput, NotFinite, OutputError
from innerview.core.images import read_image, write_image
from innerview.core.seeds import generator
from innerview.models.classifier import frozen
from innerview.training import SGD, Flip, Looks, RandomCrop, TrainingRecipe, cache_features, cross_entropy, train

LOOKS = Looks(20, views=3, augmentations=(RandomCrop(16), Flip()), seed=4)


class Counting(nn.Module):
    """A small network that counts the images it sees, and may stop at one of its calls."""

    def __init__(self, stop_at: int | None = None) -> None:
        super().__init__()
        with torch.random.fork_rng([]):
            torch.manual_seed(0)
            self.conv = nn.Conv2d(3, 5, 3, stride=2)
        self.seen, self._calls, self._stop_at = 0, 0, stop_at

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if self._calls == self._stop_at:
            raise KeyboardInterrupt
        self._calls += 1
        self.seen += len(images)
        return self.conv(images).relu()


def network(stop_at: int | None = None) -> Counting:
    return frozen(Counting(stop_at))


@pytest.fixture
def paths(tmp_path):
    made = [tmp_path / f"images/{place:02}.png" for place in range(11)]
    for place, path in enumerate(made):
        write_image(path, torch.rand(1, 3, 24, 20, generator=torch.Generator().manual_seed(place)))
    return made


def test_features_are_those_of_the_network_in_half_precision(tmp_path, paths):
    found = cache_features(network(), paths, tmp_path / "out", Looks(20), batch=4)
    images = torch.cat([read_image(path, 20)[..., 2:22, :] for path in paths])
    wanted = network()(images).half().float()
    assert len(found) == 11
    assert found.skipped == 0
    torch.testing.assert_close(torch.cat(list(found.batches(3))), wanted, rtol=2e-3, atol=1e-3)
    assert found.values.dtype == np.float16


def test_a_pair_of_sizes_shows_the_whole_image(tmp_path, paths):
    found = cache_features(network(), paths, tmp_path, Looks((12, 18)))
    wanted = network()(torch.cat([read_image(path, (12, 18)) for path in paths]))
    torch.testing.assert_close(found.read(np.arange(11)), wanted, rtol=2e-3, atol=1e-3)


def test_views_draw_their_own_crops_and_a_written_out_loop_gives_the_same(tmp_path, paths):
    found = cache_features(network(), paths, tmp_path / "out", LOOKS, batch=4)
    images = torch.cat([read_image(path, 20)[..., 2:22, :] for path in paths])
    for view in range(3):
        for start in range(0, 11, 4):
            part = images[start : start + 4]
            for augmentation in LOOKS.augmentations:
                part = augmentation(part, generator("look", 4, view, start))
            rows = np.arange(start, min(start + 4, 11))
            torch.testing.assert_close(found.read(rows, view), network()(part), rtol=2e-3, atol=1e-3)
    assert not np.array_equal(found.values[0], found.values[1])


def test_what_is_there_is_not_computed_again(tmp_path, paths):
    first, second = network(), network()
    one = cache_features(first, paths, tmp_path / "out", LOOKS, batch=4)
    two = cache_features(second, paths, tmp_path / "out", LOOKS, batch=4)
    assert (first.seen, second.seen) == (33, 0)
    assert np.array_equal(one.values, two.values)


@pytest.mark.parametrize("stop_at", [0, 1, 2, 3, 5, 8])
def test_interrupted_work_goes_on_where_it_stopped_and_gives_the_same_bits(tmp_path, paths, stop_at):
    whole = cache_features(network(), paths, tmp_path / "whole", LOOKS, batch=4)
    with pytest.raises(KeyboardInterrupt):
        cache_features(network(stop_at), paths, tmp_path / "cut", LOOKS, batch=4)
    rest = network()
    resumed = cache_features(rest, paths, tmp_path / "cut", LOOKS, batch=4)
    sizes = [4, 4, 3] * 3
    assert rest.seen == sum(sizes[stop_at:])
    assert np.array_equal(whole.values, resumed.values)


CHANGED = {
    "weights": lambda paths: (frozen(nn.Conv2d(3, 5, 3, stride=2)), paths, LOOKS),
    "seed": lambda paths: (network(), paths, replace(LOOKS, seed=5)),
    "size": lambda paths: (network(), paths, replace(LOOKS, size=19)),
    "fewer": lambda paths: (network(), paths[1:], LOOKS),
}


@pytest.mark.parametrize("change", CHANGED.values(), ids=list(CHANGED))
def test_other_features_lie_beside_them(tmp_path, paths, change):
    before = cache_features(network(), paths, tmp_path / "out", LOOKS, batch=4)
    other, files, looks = change(paths)
    after = cache_features(other, files, tmp_path / "out", looks, batch=4)
    assert after.made_from != before.made_from
    again = network()
    cache_features(again, paths, tmp_path / "out", LOOKS, batch=4)
    assert again.seen == 0


def test_a_file_that_changed_is_looked_at_again(tmp_path, paths):
    before = cache_features(network(), paths, tmp_path / "out", Looks(20))
    write_image(paths[3], torch.zeros(1, 3, 21, 20))
    after = cache_features(network(), paths, tmp_path / "out", Looks(20))
    assert not np.array_equal(before.values[0, 3], after.values[0, 3])


def test_files_that_cannot_be_read_are_left_out_and_counted(tmp_path, paths):
    whole = cache_features(network(), paths, tmp_path / "whole", LOOKS, batch=4)
    paths[5].write_text("no picture")
    paths[9].unlink()
    with pytest.warns(UserWarning, match=r"skipped 2 of 11 files that cannot be read; the first: .*05\.png"):
        found = cache_features(network(), paths, tmp_path / "out", LOOKS, batch=4)
    kept = [place for place in range(11) if place not in (5, 9)]
    assert found.skipped == 2
    assert np.flatnonzero(found.kept).tolist() == kept
    assert np.array_equal(found.values[:, kept], whole.values[:, kept])  # the others' draws are the same
    samples = found.samples(torch.arange(11))
    _, labels = samples.batch(torch.arange(9), generator("any"))
    assert len(samples) == 9
    assert labels.tolist() == kept


def test_a_batch_of_which_nothing_can_be_read_does_not_stop_the_others(tmp_path, paths):
    for path in paths[:4]:
        path.write_text("no picture")
    with pytest.warns(UserWarning, match="skipped 4 of 11"):
        found = cache_features(network(), paths, tmp_path / "out", Looks(20), batch=4)
    assert np.flatnonzero(found.kept).tolist() == list(range(4, 11))


def test_bad_input_is_one_clear_line(tmp_path, paths):
    with pytest.raises(BadInput, match="there are no images"):
        cache_features(network(), [], tmp_path)
    with pytest.raises(BadInput, match="is in training mode"):
        cache_features(network().train(), paths, tmp_path)
    with pytest.raises(BadInput, match="2 views need augmentations that make them differ"):
        Looks(views=2)
    found = cache_features(network(), paths, tmp_path / "out", Looks(20))
    with pytest.raises(BadInput, match="3 labels for the features of 11 images"):
        found.samples(torch.arange(3))
    for path in paths:
        path.write_text("no picture")
    with warnings.catch_warnings(), pytest.raises(BadInput, match="none of 11 files can be read"):
        cache_features(network(), paths, tmp_path / "out", Looks(20))
    (tmp_path / "file").write_text("here")
    with pytest.raises(OutputError, match="is a file, not a folder"):
        cache_features(network(), paths, tmp_path / "file")


@pytest.mark.parametrize("weight", [float("nan"), 1e9])
def test_features_that_half_precision_cannot_hold_are_refused(tmp_path, paths, weight):
    broken = network()
    broken.conv.weight.data.fill_(weight)
    with pytest.raises(NotFinite, match=r"features of .*00\.png or the next 3 files are NaN, infinite or too large"):
        cache_features(broken, paths, tmp_path / "out", Looks(20), batch=4)


def test_features_without_positions(tmp_path, paths):
    model = frozen(nn.Sequential(Counting(), nn.AdaptiveAvgPool2d(1), nn.Flatten()))
    found = cache_features(model, paths, tmp_path, Looks(20), batch=11)
    assert found.read(np.arange(3)).shape == (3, 5)


def test_training_on_features_repeats_and_sees_all_views(tmp_path, paths):
    samples = cache_features(network(), paths, tmp_path / "out", LOOKS).samples(torch.arange(11) % 3)
    views = {tuple(np.round(row, 3)) for seed in range(30) for row in _first_numbers(samples, seed)}
    assert len(views) == 3
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 3))
    recipe = TrainingRecipe(epochs=2, batch=4, optimizer=SGD(0.1))
    one, two = (train(head, samples, cross_entropy, recipe).history for _ in range(2))
    assert torch.equal(one, two)


def _first_numbers(samples, seed):
    return samples.batch(torch.tensor([0]), generator(seed))[0].flatten(1)[:, :40].numpy()
