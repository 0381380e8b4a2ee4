"""Surveys: equal to a loop over images, whole after any interruption, and honest about what is missing."""

import json
import os
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from dissection.tiny import COUNT, SIZE, Tiny
from torch import Tensor, nn

from innerview.core.errors import BadInput, LayerNotFound, NotFinite, OutputError
from innerview.core.images import center_crop, read_image
from innerview.core.store import fingerprint
from innerview.dissection import Survey, survey
from innerview.models import activations

GRIDS = {"conv": (8, 8), "relu": (8, 8), "token_first": (64,), "fc": ()}


def run(model: nn.Module, paths: list[Path], out: Path, layer: str = "conv", **options: Any) -> Survey:
    return survey(model, paths, layer, out=out / "survey", **{"size": SIZE, "batch": 4, **options})


def one_by_one(model: nn.Module, paths: list[Path], layer: str) -> np.ndarray:
    """Return ``(images, positions, channels)``, literally."""
    found = []
    for path in paths:
        maps = activations(model, center_crop(read_image(path, SIZE), SIZE), layer)[layer][0]
        found.append({1: lambda x: x[None], 2: lambda x: x, 3: lambda x: x.flatten(1).T}[maps.ndim](maps))
    return torch.stack(found).numpy()


def same(one: Survey, other: Survey) -> bool:
    return one.rows.dtype == other.rows.dtype and one.rows.tobytes() == other.rows.tobytes()


@pytest.mark.parametrize("layer", GRIDS)
@pytest.mark.parametrize("batch", [1, 4, 64])
def test_a_survey_is_a_loop_over_images(tiny, paths, tmp_path, layer, batch):
    found = run(tiny, paths, tmp_path, layer, batch=batch)
    literal = one_by_one(tiny, paths, layer)
    assert found.grid == GRIDS[layer]
    np.testing.assert_allclose(found.maxima, literal.max(1), atol=1e-6)
    np.testing.assert_allclose(found.minima, literal.min(1), atol=1e-6)
    np.testing.assert_allclose(found.means, literal.mean(1), atol=1e-6)
    for places, extremes in ((found.rows["max_places"], literal.max(1)), (found.rows["min_places"], literal.min(1))):
        there = np.take_along_axis(literal, places[:, None, :].astype(int), 1)[:, 0]
        np.testing.assert_allclose(there, extremes, atol=1e-6)


@pytest.mark.parametrize("layer", ["conv", "token_first", "fc"])
def test_choices_are_those_of_a_sorted_list(tiny, paths, tmp_path, layer):
    found = run(tiny, paths, tmp_path, layer)
    literal = one_by_one(tiny, paths, layer)[:, :, 2]
    top, bottom = found.top(2, 4), found.bottom(2, 4)
    assert top.indices.tolist() == sorted(range(COUNT), key=lambda index: -literal[index].max())[:4]
    assert bottom.indices.tolist() == sorted(range(COUNT), key=lambda index: literal[index].min())[:4]
    np.testing.assert_allclose(top.values, literal.max(1)[top.indices], atol=1e-6)
    for examples in (top, bottom):
        assert examples.positions.shape == (4, len(GRIDS[layer]))
        for index, value, position in zip(examples.indices, examples.values, examples.positions, strict=True):
            maps = literal[index].reshape(GRIDS[layer])
            assert maps[tuple(position)] == pytest.approx(value, abs=1e-6)


@pytest.mark.parametrize("layer", ["conv", "token_first", "fc"])
def test_near_compares_a_value_with_one_position_of_each_image(tiny, paths, tmp_path, layer):
    found = run(tiny, paths, tmp_path, layer)
    literal = one_by_one(tiny, paths, layer)[:, :, 1]
    chosen = []
    for value in (-0.3, 0.0, 0.25):
        near = found.near(1, value, COUNT)
        for index, one, position in zip(near.indices, near.values, near.positions, strict=True):
            assert literal[index].reshape(GRIDS[layer])[tuple(position)] == pytest.approx(one, abs=1e-6)
        distances = np.abs(near.values - value)
        assert (np.diff(distances) >= 0).all()
        assert sorted(near.indices) == list(range(COUNT))
        chosen.append({tuple(position) for position in near.positions})
    assert chosen[0] == chosen[1] == chosen[2]
    assert len(chosen[0]) > COUNT // 2 or layer == "fc"  # they are not one position for all


def test_groups_go_from_negative_to_positive(tiny, paths, tmp_path):
    found = run(tiny, paths, tmp_path)
    groups = found.groups(3, 2, share=0.25)
    lowest, highest = found.minima[:, 3].min(), found.maxima[:, 3].max()
    assert list(groups) == ["negative", "slightly negative", "slightly positive", "positive"]
    assert groups["negative"].values[0] == lowest < 0 < highest == groups["positive"].values[0]
    samples = found.samples[:, 3]
    for name, wanted in (("slightly negative", lowest / 4), ("slightly positive", highest / 4)):
        assert groups[name].indices.tolist() == np.abs(samples - wanted).argsort()[:2].tolist()


def test_groups_of_a_layer_without_negative_values_are_refused(tiny, paths, tmp_path):
    with pytest.raises(BadInput, match=r"channel 0 of 'relu' runs from 0 to .*; choose a layer before its ReLU"):
        run(tiny, paths, tmp_path, "relu").groups(0, 2)


def test_directions_that_are_the_axes_are_channels(tiny, paths, tmp_path):
    assert same(
        run(tiny, paths, tmp_path / "a", directions=torch.eye(5)), run(tiny, paths, tmp_path / "b", directions=None)
    )


@pytest.mark.parametrize("layer", ["conv", "token_first", "fc"])
def test_directions_are_dot_products_at_each_position(tiny, paths, tmp_path, layer):
    literal = one_by_one(tiny, paths, layer)
    directions = torch.randn(7, literal.shape[2], generator=torch.Generator().manual_seed(0))
    found = run(tiny, paths, tmp_path, layer, directions=directions)
    responses = np.einsum("npc,kc->npk", literal, directions.numpy())
    np.testing.assert_allclose(found.maxima, responses.max(1), atol=1e-5)
    np.testing.assert_allclose(found.minima, responses.min(1), atol=1e-5)


def test_directions_of_another_length_are_refused(tiny, paths, tmp_path):
    with pytest.raises(BadInput, match="directions have 6 numbers, but the layer 5 channels; give rows of 5"):
        run(tiny, paths, tmp_path, directions=torch.eye(6))


class Failing(Tiny):
    """Fails once, after so many images."""

    def __init__(self, after: int, error: BaseException) -> None:
        super().__init__()
        self.after, self.error = after, error

    def forward(self, images: Tensor) -> Tensor:
        if self.seen >= self.after:
            self.after = 10**9
            raise self.error
        return super().forward(images)


@pytest.mark.parametrize("after", [0, 4, 8])
@pytest.mark.parametrize("error", [RuntimeError("broken"), KeyboardInterrupt("broken")])
def test_an_interrupted_survey_goes_on_and_becomes_the_same(paths, tmp_path, after, error):
    model = Failing(after, error).requires_grad_(False)
    with pytest.raises(type(error), match="broken"):
        run(model, paths, tmp_path)
    assert model.seen == after
    found = run(model, paths, tmp_path)
    assert model.seen == COUNT
    assert same(found, run(model, paths, tmp_path / "whole"))


def count_as_done(state: Path, rows: int) -> None:
    """Write the state of a survey as it was when so many rows were done."""
    told = json.loads(state.read_text()) | {"done": rows}
    del told["check"]
    state.write_text(json.dumps(told | {"check": fingerprint(json.dumps(told, sort_keys=True))}))


def test_a_kill_between_rows_and_state_is_made_good(tiny, paths, tmp_path):
    """The rows of a batch are on the disk, some half, but not counted yet."""
    whole = run(tiny, paths, tmp_path).rows.tobytes()
    file, state = tmp_path / "survey/survey.rows", tmp_path / "survey/survey.json"
    file.write_bytes(whole[: len(whole) // 2] + b"rubbish")
    count_as_done(state, 4)
    tiny.seen = 0
    assert run(tiny, paths, tmp_path).rows.tobytes() == whole
    assert tiny.seen == COUNT - 4


@pytest.mark.parametrize("damage", ["rows cut off", "no rows", "no state", "state is no JSON", "state of another"])
def test_what_is_not_whole_is_made_anew(tiny, paths, tmp_path, damage):
    whole = run(tiny, paths, tmp_path).rows.tobytes()
    file, state = tmp_path / "survey/survey.rows", tmp_path / "survey/survey.json"
    match damage:
        case "rows cut off":
            file.write_bytes(whole[:-1])
        case "no rows":
            file.unlink()
        case "no state":
            state.unlink()
        case "state is no JSON":
            state.write_text("{")
        case _:
            state.write_text("[1]")
    tiny.seen = 0
    assert run(tiny, paths, tmp_path).rows.tobytes() == whole
    assert tiny.seen == COUNT


def test_a_finished_survey_runs_no_network(tiny, paths, tmp_path):
    first = run(tiny, paths, tmp_path)
    tiny.seen = 0
    assert same(run(tiny, paths, tmp_path), first)
    assert tiny.seen == 0


CHANGES: dict[str, dict[str, Any]] = {
    "layer": {"layer": "relu"},
    "size": {"size": SIZE + 1},
    "batch": {"batch": 5},
    "directions": {"directions": torch.eye(5)},
    "order of paths": {"order": slice(None, None, -1)},
    "fewer paths": {"order": slice(-1)},
    "weights": {},
    "a file": {},
}


@pytest.mark.parametrize("change", CHANGES)
def test_any_change_starts_anew_and_leaves_an_open_survey_alone(tiny, paths, tmp_path, change):
    old = run(tiny, paths, tmp_path)
    before = old.rows.tobytes()
    options = dict(CHANGES[change])
    changed = paths[options.pop("order", slice(None))]
    if change == "weights":
        tiny.conv.weight[0, 0, 0, 0] += 1
    if change == "a file":
        stat = paths[3].stat()
        os.utime(paths[3], ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    tiny.seen = 0
    new = run(tiny, changed, tmp_path, **options)
    assert tiny.seen == len(changed)
    assert old.rows.tobytes() == before
    assert same(new, run(tiny, changed, tmp_path / "elsewhere", **options))


def test_files_that_cannot_be_read_leave_rows_of_nan(tiny, paths, tmp_path):
    bad = [0, 5, 8, 9, 10]  # all of the last batch
    for index in bad:
        paths[index].write_bytes(b"no image")
    with pytest.warns(UserWarning, match=r"skipped 5 of 11 files; the first: .*00\.png"):
        found = run(tiny, paths, tmp_path)
    good = [index for index in range(COUNT) if index not in bad]
    assert found.skipped == tuple(bad)
    for column in (found.maxima, found.minima, found.means, found.samples):
        assert np.isnan(column[bad]).all()
        assert np.isfinite(column[good]).all()
    np.testing.assert_allclose(found.maxima[good], one_by_one(tiny, [paths[i] for i in good], "conv").max(1), atol=1e-6)
    assert sorted(found.top(0, len(good)).indices.tolist()) == good
    with pytest.raises(BadInput, match="holds 6 images that could be read; 7 cannot be chosen"):
        found.top(0, 7)


def test_unreadable_first_and_last_batches_around_an_interruption(paths, tmp_path):
    for index in (0, 1, 2, 3, 8, 9, 10):
        paths[index].write_bytes(b"no image")
    model = Failing(0, KeyboardInterrupt("broken")).requires_grad_(False)
    with pytest.raises(KeyboardInterrupt):
        run(model, paths, tmp_path)
    with pytest.warns(UserWarning, match="skipped 7 of 11 files"):
        found = run(model, paths, tmp_path)
    assert found.skipped == (0, 1, 2, 3, 8, 9, 10)
    state = tmp_path / "survey/survey.json"
    count_as_done(state, 8)
    with pytest.warns(UserWarning, match="skipped 3 of 3 files"):  # nothing is left that can be read
        assert same(run(model, paths, tmp_path), found)


def test_a_survey_of_nothing_is_refused(tiny, paths, tmp_path):
    with pytest.raises(BadInput, match="needs at least one image"):
        run(tiny, [], tmp_path)
    for path in paths:
        path.unlink()
    with (
        pytest.warns(UserWarning, match="skipped 11 of 11"),
        pytest.raises(BadInput, match=r"none of 11 files can be read as an image, the first is .*00\.png"),
    ):
        run(tiny, paths, tmp_path)
    assert not (tmp_path / "survey").exists()


def test_a_wrong_layer_leaves_nothing(tiny, paths, tmp_path):
    with pytest.raises(LayerNotFound, match="Tiny has no layer 'convv'; near ones: conv"):
        run(tiny, paths, tmp_path, "convv")
    assert not (tmp_path / "survey").exists()


@pytest.mark.parametrize("channel", [-1, 5])
def test_a_channel_out_of_range_is_refused(tiny, paths, tmp_path, channel):
    with pytest.raises(BadInput, match=f"has the channels 0 to 4; {channel} is out of range"):
        run(tiny, paths, tmp_path).top(channel, 1)


def test_activations_that_are_not_finite_are_told_with_their_file(tiny, paths, tmp_path):
    tiny.conv.bias[1] = torch.inf
    with pytest.raises(NotFinite, match=r"layer 'conv' becomes NaN or infinite for .*00\.png"):
        run(tiny, paths, tmp_path)


def test_a_place_that_cannot_be_written_is_told_before_the_network_runs(tiny, paths, tmp_path):
    (tmp_path / "survey").write_bytes(b"a file")
    with pytest.raises(OutputError, match="is a file, not a folder; choose another place"):
        run(tiny, paths, tmp_path)
    assert tiny.seen == 0


def test_a_disk_that_fills_up_keeps_what_is_whole(tiny, paths, tmp_path, small_files):
    directions = torch.eye(5).repeat(200, 1)  # 20 kB an image
    with small_files(100_000), pytest.raises(OutputError, match=r"cannot write .*survey\.rows: .*; free space"):
        run(tiny, paths, tmp_path, directions=directions)
    assert json.loads((tmp_path / "survey/survey.json").read_text())["done"] == 4
    found = run(tiny, paths, tmp_path, directions=directions)
    assert same(found, run(tiny, paths, tmp_path / "whole", directions=directions))


def test_memory_does_not_grow_with_the_number_of_images(tiny, paths, tmp_path):
    directions = torch.eye(5).repeat(400, 1)  # 40 kB an image on disk

    def peak(times: int) -> int:
        tracemalloc.start()
        found = run(tiny, paths * times, tmp_path / str(times), directions=directions)
        assert found.maxima.shape == (COUNT * times, 2000)
        try:
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(1)  # imports
    assert peak(16) < peak(2) + 1_000_000  # the rows alone would be 6 MB more


def test_a_bar_is_shown_when_asked_for(tiny, paths, tmp_path, capsys):
    run(tiny, paths, tmp_path, progress=True)
    assert "survey of conv" in capsys.readouterr().err
