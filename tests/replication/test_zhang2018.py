"""What the ACoL replication trains and measures: ways that differ, the released recipe, data, the study's rows."""

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from matplotlib.text import Text
from PIL import Image
from torch import nn

from innerview.core.errors import BadInput
from innerview.core.store import Store
from innerview.localization import BranchMaps, Example
from innerview.models import Backbone
from innerview.training.recipe import optimizer_of
from replication.zhang2018_acol import data, figures, measures, study, trained
from replication.zhang2018_acol.config import Config, Method, erasings, methods
from replication.zhang2018_acol.paper import PAPER, SMOKE, embedded, map_equals_cam

STAND_IN: Config = embedded(SMOKE)


@pytest.fixture(scope="module")
def lab(embedded, tmp_path_factory) -> trained.Lab:
    """The embedded model and generated images, all sizes as small as can be."""
    config, folder = replace(STAND_IN, images=24, boxed=10, size=64, resize=72, batch=8), tmp_path_factory.mktemp("lab")
    found = data.photographs(config, folder / "photographs")
    small = replace(found, tuning=found.tuning[:10])
    return trained.Lab(config, small, embedded, folder, Store(folder / "kept").keep, progress=False)


def behind(lab: trained.Lab, layer: str, folder: Path | None = None) -> trained.Lab:
    """The same lab, with the network trained behind another layer."""
    return replace(lab, config=replace(lab.config, trained_behind=layer), folder=folder or lab.folder)


# Ways to train


@pytest.mark.parametrize("ways", [methods(Config()), erasings(Config())], ids=["methods", "erasings"])
def test_ways_have_configurations_that_differ(ways):
    assert len(ways) > 1
    assert len(set(ways.values())) == len(ways)


def test_only_acol_has_a_second_classifier_and_only_baselines_hide():
    ways = methods(Config())
    assert {name for name, way in ways.items() if way.delta is not None} == {"ACoL"}
    assert {name for name, way in ways.items() if way.hiding is not None} == {"HaS", "Random erasing"}


def test_erasings_differ_in_delta_alone():
    ways = erasings(Config())
    assert {way.delta for way in ways.values()} == {0.5, 0.6, 0.7, 0.8, 0.9}
    assert len({replace(way, delta=None) for way in ways.values()}) == 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"imagenet": ".", "cub": "."}, "give one of imagenet and cub"),
        ({"imagenet": "/nowhere"}, "imagenet: /nowhere is no folder"),
        ({"cub": "/nowhere"}, "cub: /nowhere is no folder"),
    ],
)
def test_folders_that_cannot_be_used_are_refused_at_once(wrong, message):
    with pytest.raises(BadInput, match=message):
        replace(Config(), **wrong)


def test_the_recipe_is_the_released_codes():
    """Weights of the backbone 1e-4, its biases twice that; the classifiers' ten times that."""
    config = PAPER.config("released")
    recipe = trained.recipe(config, 0)
    model = nn.ModuleDict({"backbone": nn.Conv2d(3, 4, 1), "heads": nn.ModuleDict({"a": nn.Conv2d(4, 2, 1)})})
    rates = {
        name: group["lr"]
        for group in optimizer_of(model, recipe).param_groups
        for parameter in group["params"]
        for name, known in model.named_parameters()
        if known is parameter
    }
    wanted = {"backbone.weight": 1e-4, "backbone.bias": 2e-4, "heads.a.weight": 1e-3, "heads.a.bias": 2e-3}
    assert rates == pytest.approx(wanted)
    assert (recipe.epochs, recipe.batch) == (6, 20)
    assert (config.resize, config.size, config.delta, config.smoothing) == (256, 224, 0.6, 3)


# The network, however much of it is trained


def logits_and_maps(lab: trained.Lab, seed: int = 0) -> dict[str, torch.Tensor]:
    model = trained.network(lab, Method(0.6), seed).eval()
    given = trained.inputs(lab, lab.photographs.boxed)
    return trained.measured(model, given, data.labels_of(lab.photographs.boxed))


def test_an_untrained_network_says_the_same_from_pixels_and_from_features(lab):
    """Features are kept in half precision, which is all the difference."""
    pixels, features = (logits_and_maps(behind(lab, layer)) for layer in ("", "blocks.10"))
    assert set(pixels) == {"logits", "a", "b"}
    torch.testing.assert_close(pixels["logits"], features["logits"], rtol=1e-2, atol=1e-2)
    torch.testing.assert_close(pixels["a"], features["a"], rtol=1e-2, atol=3e-2)


def test_only_what_lies_behind_the_layer_is_trained(lab):
    count = {}
    for layer in ("", "blocks.10"):
        model = trained.network(behind(lab, layer), Method(0.6), 0)
        count[layer] = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert not any(name.startswith("backbone") for name in count["blocks.10"])
    assert any(name.startswith("backbone") for name in count[""])
    assert {name for name in count[""] if name.startswith("heads")} == count["blocks.10"]


@pytest.mark.mirror
def test_googlenets_upper_blocks_go_on_where_the_kept_features_end(googlenet, lab):
    config = replace(lab.config, model="googlenet", layer="inception_4e", trained_behind="pool3_3x3_s2")
    own = replace(lab, config=config, model=googlenet)
    model = trained.network(own, Method(0.6), 0)
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    kept = Backbone(googlenet, "pool3_3x3_s2")(image)
    assert torch.equal(model.backbone(kept), Backbone(googlenet, "inception_4e")(image))
    learning = [name for name, weight in model.backbone.named_parameters() if weight.requires_grad]
    assert {name.split(".")[0] for name in learning} == {f"inception_4{letter}" for letter in "abcde"}


@pytest.mark.parametrize("layer", ["", "blocks.10"], ids=["from pixels", "classifiers only"])
def test_a_training_runs_and_is_found_again(lab, tmp_path, layer):
    own = replace(behind(lab, layer, tmp_path), keep=Store(tmp_path / "kept").keep)
    found = trained.outcome(own, "ACoL", Method(0.6), 0)
    assert found.logits.shape == (10, 10)
    assert found.maps.b is not None
    assert len(found.history) == 3
    assert found.accuracy.shape == (1,)
    trained.forget_features(own)
    again = trained.outcome(own, "ACoL", Method(0.6), 0)
    assert torch.equal(found.logits, again.logits)
    assert not (tmp_path / "features").exists()  # nothing was computed again


def test_with_the_features_as_they_are_a_is_the_plain_network(lab, tmp_path):
    own = replace(behind(lab, "blocks.10", tmp_path), keep=Store(tmp_path / "kept").keep)
    plain, both = (trained.outcome(own, name, methods(own.config)[name], 3) for name in ("GAP", "ACoL"))
    assert torch.equal(plain.logits, both.logits)
    assert torch.equal(plain.maps.a, both.maps.a)


def test_hidden_parts_change_what_is_trained_on_and_nothing_else(lab, tmp_path):
    own = behind(lab, "blocks.10", tmp_path)
    plain, hidden = (trained.samples(own, methods(own.config)[name]) for name in ("GAP", "HaS"))
    batch = torch.arange(8)
    (seen, labels), (covered, same) = (each.batch(batch, torch.Generator()) for each in (plain, hidden))
    assert torch.equal(labels, same)
    assert not torch.equal(seen, covered)


# Data


def test_generated_images_stand_in_with_boxes_and_are_written_once(tmp_path):
    found = data.photographs(replace(STAND_IN, size=64), tmp_path)
    assert [len(found.training), len(found.tuning), len(found.boxed)] == [60, 40, 20]
    assert all(one.boxes is not None for one in found.boxed)
    assert all(one.boxes is None for one in found.training)
    times = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    data._digits.cache_clear()
    data.photographs(replace(STAND_IN, size=64), tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == times


def test_held_out_photographs_are_not_trained_on():
    examples = [Example(Path(f"{place}.jpg"), 0) for place in range(100)]
    kept, out = data._held_out(examples)
    assert len(out) == 5
    assert {one.path for one in kept} | {one.path for one in out} == {one.path for one in examples}
    assert not {one.path for one in kept} & {one.path for one in out}


def test_boxes_follow_their_photograph_into_the_square(tmp_path):
    Image.new("RGB", (200, 100)).save(tmp_path / "wide.png")
    one = Example(tmp_path / "wide.png", 0, torch.tensor([[20.0, 10.0, 120.0, 60.0]]))
    assert data.boxes_of([one], 50)[0].tolist() == [[5.0, 5.0, 30.0, 30.0]]
    assert data.read([one], 50).shape == (1, 3, 50, 50)


@pytest.mark.mirror
def test_the_ten_classes_are_those_of_the_photographs_with_boxes(available):
    for name in ("imagenette160_train", "imagenette160_val", "imagenette160_boxes", "wsol_ilsvrc"):
        available(name)
    found = data.photographs(Config())
    assert [len(found.training), len(found.tuning), len(found.boxed)] == [3000, 500, 500]
    assert found.indices == (0, 217, 482, 491, 497, 566, 569, 571, 574, 701)
    assert found.classes[0] == "tench"
    for some in (found.training, found.tuning, found.boxed):
        assert data.labels_of(some).bincount().tolist() == [len(some) // 10] * 10
    boxes = torch.cat(data.boxes_of(found.boxed, 224))
    assert 0 <= boxes.min() <= boxes.max() <= 224 + 1e-4  # rounding


# Measures


def test_overlap_is_the_share_of_bs_area_that_a_marks_too():
    a, b = torch.zeros(2, 4, 4), torch.zeros(2, 4, 4)
    a[:, :2], b[0, 1:3], b[1, 3:] = 1, 1, 1  # rows
    found = trained.Outcome(torch.zeros(2, 3), BranchMaps(a, b), torch.zeros(1), torch.zeros(1))
    assert measures.overlap(found).tolist() == [0.5, 0.0]


def test_the_middle_is_where_maps_that_know_nothing_are_highest(lab):
    maps = measures.middle_maps(lab)
    assert maps.shape == (10, 64, 64)
    assert (maps[0] >= maps[0].max() * 0.98).nonzero().float().mean(0).tolist() == pytest.approx([31.5, 31.5])
    assert maps[0, 0].max() == pytest.approx(0)


def test_numbers_are_errors_in_percent(lab, tmp_path):
    own = replace(behind(lab, "blocks.10", tmp_path), keep=Store(tmp_path / "kept").keep)
    perfect = torch.stack([_inside(boxes[0], 64) for boxes in trained.truth(own)])
    right = nn.functional.one_hot(data.labels_of(own.photographs.boxed), 10).float()
    numbers = measures.measured_maps(own, "perfect", perfect, right).numbers()
    assert {name: value for name, value in numbers.items() if value and " " in name and "V2" not in name} == {
        "best threshold": numbers["best threshold"]
    }
    assert numbers["recall"] == numbers["precision"] == numbers["PxAP"] == 100
    assert numbers["V2 tuned"] == 100


def _inside(box: torch.Tensor, size: int) -> torch.Tensor:
    """Return a map of a box's pixels, which touch its edges."""
    x0, y0, x1, y1 = box.round().int().tolist()
    mask = torch.zeros(size, size)
    mask[y0:y1, x0:x1] = 1
    return mask


@pytest.fixture
def stand_in(embedded, tmp_path) -> Any:
    """A run on the embedded model, for what asks no more of it."""
    return SimpleNamespace(
        config=STAND_IN, folder=tmp_path, fallback=True, seed=0, device=torch.device("cpu"), part=None,
        model=lambda _: embedded,
    )  # fmt: skip


def test_the_map_of_the_forward_pass_is_cams(stand_in):
    assert map_equals_cam(stand_in) < 1e-5


def test_the_architecture_is_that_of_the_module(stand_in):
    drawn = " ".join(text.get_text() for text in figures.architecture_figure(stand_in).findobj(Text))
    for said in ("112 channels 14 x 14", "up to blocks.10", "3 x 3 to 8", "1 x 1 to 10", "where A ≥ 0.6"):
        assert said in drawn


# The study


def test_the_study_trains_every_way_and_threshold_with_every_seed():
    trials = study.trials()
    assert len(set(trials)) == len(trials)
    most, fewest = study.PARTS
    names = {trial.name for trial in trials if trial.trained == most}
    assert names == {"GAP", "HaS", "Random erasing", *erasings(study.CONFIG)}
    assert {trial.name for trial in trials if trial.trained == fewest} == {"GAP", "ACoL, 0.6"}
    for name in names:
        further = name.startswith("ACoL") and name != "ACoL, 0.6"
        seeds = [trial.seed for trial in trials if (trial.trained, trial.name) == (most, name)]
        assert seeds == list(study.ERASING_SEEDS if further else study.SEEDS)


def test_the_studys_numbers_are_whole():
    rows = study.numbers()["rows"]
    found = {(row["trained"], row["name"], row["seed"]) for row in rows if row["trained"] != "nothing"}
    assert found == {(trial.trained, trial.name, trial.seed) for trial in study.trials()}
    assert {row["name"] for row in rows if row["trained"] == "nothing"} == {"CAM", "Grad-CAM", "middle"}
    numbers = [value for row in rows for value in row.values() if isinstance(value, float)]
    assert all(map(math.isfinite, numbers))
    assert all(0 <= value <= 100 for value in numbers)


def test_the_studys_numbers_obey_what_must_be_so():
    """Best thresholds are best; with kept features A is the plain network; both classifiers share a classification."""
    rows = study.numbers()["rows"]
    for row in rows:
        assert row["GT-known best"] <= row["GT-known fixed"] + 1e-9
        assert row["GT-known tuned"] >= row["GT-known best"] - 1e-9
        assert row["top-1 fixed"] >= row["GT-known fixed"] - 1e-9
    for seed in study.SEEDS:
        plain, first = (
            next(row for row in study.rows_of(name, trained="classifiers only", kind="a") if row["seed"] == seed)
            for name in ("GAP", "ACoL, 0.6")
        )
        assert plain["GT-known tuned"] == first["GT-known tuned"]


def test_rows_of_the_study_are_found_by_name():
    assert {row["map"] for row in study.rows_of("ACoL, 0.6")} == {"fused"}
    assert {row["map"] for row in study.rows_of("GAP")} == {"a"}
    assert {row["map"] for row in study.rows_of("ACoL, 0.6", kind="b")} == {"b"}
