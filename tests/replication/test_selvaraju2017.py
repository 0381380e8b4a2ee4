"""What the claims of the Grad-CAM replication are measured with, in closed form; the table of categories; the data."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from innerview.attribution import METHODS
from innerview.core.errors import BadInput
from innerview.localization import COCO_CATEGORIES
from innerview.models import imagenet_labels, layer_shapes
from replication.selvaraju2017_grad_cam import faithful, localized, objects, photographs, robust
from replication.selvaraju2017_grad_cam.categories import IMAGENET_OF_COCO
from replication.selvaraju2017_grad_cam.config import Config
from replication.selvaraju2017_grad_cam.explaining import chunks, heatmaps, random_maps
from replication.selvaraju2017_grad_cam.paper import PAPER, REPORTED, STAND_INS, embedded

SMOKE: Config = PAPER.config("smoke")


def run_of(config: Config, folder: Path | None = None, **more: Any) -> Any:
    """A run's settings, for functions that read nothing else."""
    return SimpleNamespace(config=config, folder=folder, device=torch.device("cpu"), seed=0, **more)


# Categories


def test_categories_are_coco_s_and_their_classes_are_imagenet_s():
    assert set(IMAGENET_OF_COCO) <= set(COCO_CATEGORIES)
    classes = [index for indices in IMAGENET_OF_COCO.values() for index in indices]
    assert len(classes) == len(set(classes))  # no class in two categories
    assert min(classes) >= 0
    assert max(classes) < 1000


@pytest.mark.parametrize(
    ("category", "words"),
    [
        ("dog", {"terrier", "retriever", "poodle", "malamute", "Chihuahua", "boxer"}),
        ("bird", {"robin", "eagle", "penguin", "flamingo", "macaw", "cock"}),
        ("airplane", {"airliner", "warplane"}),
        ("bear", {"bear"}),
        ("sink", {"washbasin"}),
        ("tie", {"tie"}),
    ],
)
def test_categories_hold_the_classes_that_people_would_name_so(category, words):
    names = " ".join(imagenet_labels()[index] for index in IMAGENET_OF_COCO[category])
    assert {word for word in words if word not in names} == set()


@pytest.mark.parametrize(
    ("category", "stranger"),
    [("dog", "timber wolf"), ("dog", "red fox"), ("cat", "lion"), ("bird", "bee"), ("airplane", "plane")],
)
def test_categories_hold_no_strangers(category, stranger):
    firsts = [label.split(",")[0] for label in imagenet_labels()]
    assert stranger in firsts
    assert stranger not in [firsts[index] for index in IMAGENET_OF_COCO[category]]


# Configurations


def test_stand_ins_are_layers_of_the_embedded_model_from_low_to_high(embedded):
    shapes = layer_shapes(embedded)
    sides = [shapes[STAND_INS[layer]][1] for layer in Config().layers]
    assert sides == sorted(sides, reverse=True)
    assert len(set(STAND_INS.values())) == len(STAND_INS)


@pytest.mark.parametrize("preset", ["smoke", "book", "paper"])
def test_every_preset_has_a_stand_in_without_a_download(preset):
    config = embedded(PAPER.config(preset))
    assert PAPER.needs(config) == []
    assert config.layer in STAND_INS.values()
    assert config.others == ()


def test_a_folder_without_the_validation_set_is_refused_at_once(tmp_path):
    with pytest.raises(BadInput, match=str(tmp_path)):
        PAPER.config("book", {"imagenet": str(tmp_path)})


def test_methods_that_are_compared_exist():
    named = {
        *Config().methods,
        *localized.COMPARED,
        *objects.METHODS,
        *faithful.CORRELATED,
        *faithful.CURVED,
        *faithful.SANE,
    }
    assert named == set(METHODS)


def test_the_paper_s_table_is_ordered_as_errors_are():
    for classification, first, five, _ in REPORTED.values():
        assert five < first  # five guesses fail less often than one
        assert classification < first  # a wrong class is never localized


# Photographs


def test_embedded_photographs_come_with_their_mirror_images(tmp_path):
    photos = photographs.boxed(run_of(SMOKE, tmp_path, fallback=True))
    assert len(photos) == 6
    for one, mirrored in zip(photos[::2], photos[1::2], strict=True):
        first, second = (np.asarray(Image.open(each.path)) for each in (one, mirrored))
        assert np.array_equal(first[:, ::-1], second)
        x0, y0, x1, y1 = one.boxes[0].tolist()
        assert mirrored.boxes[0].tolist() == pytest.approx([SMOKE.size - x1, y0, SMOKE.size - x0, y1])
        assert 0 <= x0 < x1 <= SMOKE.size
        assert 0 <= y0 < y1 <= SMOKE.size
        assert mirrored.label == one.label


def test_embedded_scenes_hold_two_objects_each_with_half_of_the_picture(tmp_path):
    of = photographs.scenes(run_of(SMOKE, tmp_path, fallback=True))
    assert of.owners.tolist() == [0, 0, 1, 1, 2, 2]
    assert photographs.pairs(of) == [(0, 1), (2, 3), (4, 5)]
    for first, second in photographs.pairs(of):
        assert not (of.masks[first] & of.masks[second]).any()
        assert of.masks[first].float().mean() == 0.5
        assert of.categories[first] != of.categories[second]


def test_the_full_validation_set_is_read_with_its_own_boxes(tmp_path, available):
    known = available("wsol_ilsvrc")
    available("imagenette160_boxes")
    folder = tmp_path / "val"
    folder.mkdir()
    Image.new("RGB", (500, 375), "grey").save(folder / "ILSVRC2012_val_00000001.JPEG")
    config = replace(SMOKE, imagenet=str(tmp_path))
    (one,) = photographs.boxed(run_of(config, fallback=False))
    assert one.label == 65
    assert "0001.JPEG,111,108,441,193" in known["localization.txt"].read_text()[:60]
    wanted = [111 * 224 / 500, 108 * 224 / 375, 442 * 224 / 500, 194 * 224 / 375]
    assert one.boxes[0].tolist() == pytest.approx(wanted)
    assert photographs.read(run_of(config), [one]).shape == (1, 3, 224, 224)


@pytest.mark.mirror
def test_boxed_photographs_are_spread_over_the_ten_classes(available):
    for name in ("wsol_ilsvrc", "imagenette160_boxes"):
        available(name)
    config = replace(SMOKE, images=500)
    photos = photographs.boxed(run_of(config, fallback=False), 20)
    assert sorted({one.label for one in photos}) == [0, 217, 482, 491, 497, 566, 569, 571, 574, 701]
    assert all((one.boxes[:, 2:] > one.boxes[:, :2]).all() for one in photos)


@pytest.mark.mirror
def test_scenes_keep_objects_of_known_categories_that_are_large_enough(available):
    available("coco128_seg")
    of = photographs.scenes(run_of(replace(SMOKE, scenes=40), fallback=False))
    assert set(of.categories) <= set(IMAGENET_OF_COCO)
    assert of.masks.float().mean((1, 2)).min() >= SMOKE.smallest
    assert len(of.images) == int(of.owners.max()) + 1
    assert of.classes == tuple(IMAGENET_OF_COCO[category] for category in of.categories)


# Numbers


def test_chunks_hold_all_in_order():
    assert chunks(list("abcde"), 2) == [["a", "b"], ["c", "d"], ["e"]]  # pyright: ignore[reportArgumentType]


def test_heatmaps_do_not_depend_on_how_they_are_batched(embedded):
    images = torch.rand(18, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    targets = list(range(18))
    together = heatmaps(embedded, "grad_cam", images, targets, "relu1")
    assert together.shape == (18, 64, 64)
    alone = heatmaps(embedded, "grad_cam", images[17:], targets[17:], "relu1")
    torch.testing.assert_close(together[17:], alone, rtol=1e-3, atol=1e-5)


def test_each_object_is_asked_for_by_the_likeliest_class_of_its_category(embedded):
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    logits = embedded(images)
    of = photographs.Scenes(
        images, torch.tensor([0, 1, 1]), ("a", "b", "c"), ((3, 5, 8), (3, 5, 8), (7,)), torch.ones(3, 64, 64).bool()
    )
    found = objects.targets(run_of(replace(SMOKE, model="m"), model=lambda _: embedded), of).tolist()
    wanted = [max((3, 5, 8), key=lambda index: logits[owner, index]) for owner in (0, 1)]
    assert found == [*wanted, 7]


def test_category_mean_counts_each_category_alike():
    found = {"many": torch.tensor([True] * 9 + [False]), "one": torch.tensor([False])}
    assert objects.category_mean(found) == pytest.approx(45)


def test_marked_takes_the_largest_share_and_nothing_of_a_zero_map():
    maps = torch.stack([torch.arange(100.0).reshape(10, 10), torch.zeros(10, 10)])
    masks = robust.marked(maps, 0.2)
    assert masks[0].flatten().nonzero()[:, 0].tolist() == list(range(80, 100))
    assert not masks[1].any()


def test_covered_is_grey_where_the_mask_is():
    images = torch.zeros(1, 3, 4, 4)
    mask = torch.zeros(1, 4, 4, dtype=torch.bool)
    mask[0, 1, 2] = True
    found = robust.covered(images, mask)
    assert found[0, :, 1, 2].tolist() == [0.5] * 3
    assert found.sum() == 1.5


def test_random_maps_repeat_and_differ_between_photographs():
    first, second = (random_maps(run_of(SMOKE), 2) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first[0], first[1])
