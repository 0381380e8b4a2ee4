"""Boxes: against flood fill and counting of pixels."""

import pytest
import torch
from localization import literal

from innerview.core.errors import BadInput, NotFinite
from innerview.localization import box_from_heatmap, component_boxes, iou, largest_component, scaled_boxes


@pytest.mark.parametrize("threshold", [0.0, 0.15, 0.6, 0.8])
def test_boxes_are_those_of_flood_fill(threshold):
    maps = (literal.random_maps(12) - 0.3) * torch.arange(1, 13)[:, None, None]
    for heatmap, box in zip(maps, box_from_heatmap(maps, threshold), strict=True):
        found = literal.components(heatmap > threshold * heatmap.max())
        wanted = [literal.box_of(one) for one in sorted(found, key=lambda one: -len(one))]
        assert component_boxes(heatmap, threshold).tolist() == wanted
        assert box.tolist() == wanted[0]


def test_what_lies_at_the_threshold_is_not_above_it():
    heatmap = torch.tensor([[[0.0, 0.25, 1.0, 0.26]]])
    assert box_from_heatmap(heatmap, 0.25).tolist() == [[2, 0, 4, 1]]


def test_pixels_that_touch_at_a_corner_are_one_component():
    assert component_boxes(torch.eye(4)).tolist() == [[0, 0, 4, 4]]
    assert component_boxes(torch.eye(4).flip(1)).tolist() == [[0, 0, 4, 4]]


def test_size_is_a_count_of_pixels_not_the_area_of_the_box():
    heatmap = torch.zeros(1, 9, 12)
    heatmap[0, torch.arange(5), torch.arange(5)] = 1
    heatmap[0, 6:9, 9:11] = 1
    assert box_from_heatmap(heatmap).tolist() == [[9, 6, 11, 9]]


def test_a_heatmap_without_positive_values_gives_the_whole_image_and_no_components():
    maps = torch.stack([torch.zeros(4, 7), -torch.rand(4, 7), torch.eye(7)[:4]])
    assert box_from_heatmap(maps).tolist() == [[0, 0, 7, 4], [0, 0, 7, 4], [0, 0, 4, 4]]
    assert component_boxes(maps[0]).shape == (0, 4)
    assert box_from_heatmap(maps[:0]).shape == (0, 4)


def test_bad_heatmaps_are_refused():
    with pytest.raises(BadInput, match=r"threshold must lie in \[0, 1\), not 1"):
        box_from_heatmap(torch.ones(1, 3, 3), 1.0)
    with pytest.raises(NotFinite, match="NaN"):
        box_from_heatmap(torch.full((1, 3, 3), torch.nan))


def test_largest_component_is_that_of_flood_fill():
    masks = literal.random_maps(20) > 0.75
    masks[3] = False
    for mask, kept in zip(masks, largest_component(masks), strict=True):
        found = literal.components(mask)
        wanted = literal.largest(found) if found else set()
        assert {tuple(pixel) for pixel in kept.nonzero().tolist()} == wanted


def test_iou_counts_pixels():
    boxes, others = (torch.cat(literal.random_boxes(15, 2, seed=seed)) for seed in (1, 2))
    wanted = torch.tensor([[literal.iou(box, other) for other in others] for box in boxes])
    torch.testing.assert_close(iou(boxes, others), wanted)


def test_iou_is_that_of_torchvision():
    from innerview import models  # noqa: F401, PLC0415  (makes torchvision importable)

    ops = pytest.importorskip("torchvision.ops")
    corners = torch.rand(30, 2, 2, generator=torch.Generator().manual_seed(0)).sort(1).values.flatten(1) * 100
    torch.testing.assert_close(iou(corners[:12], corners[12:]), ops.box_iou(corners[:12], corners[12:]))


def test_empty_boxes_overlap_nothing():
    boxes = torch.tensor([[2.0, 2, 2, 2], [0, 0, 4, 4]])
    assert iou(boxes, boxes).tolist() == [[0, 0], [0, 1]]
    assert iou(boxes[:0], boxes).shape == (0, 2)


@pytest.mark.parametrize("box", [[3.0, 0, 2, 5], [0.0, 4, 2, 3], [0.0, torch.nan, 2, 3]])
def test_boxes_that_end_before_they_begin_are_refused(box):
    good = torch.tensor([[0.0, 0, 1, 1]])
    for pair in ((torch.tensor([box]), good), (good, torch.tensor([box]))):
        with pytest.raises(BadInput, match="ends before it begins"):
            iou(*pair)


def test_scaled_boxes_mark_the_same_part_of_the_image():
    heatmap = torch.zeros(1, 6, 10)
    heatmap[0, 1:3, 4:9] = 1
    enlarged = heatmap.repeat_interleave(4, 1).repeat_interleave(3, 2)
    scaled = scaled_boxes(box_from_heatmap(heatmap), (6, 10), (24, 30))
    assert scaled.tolist() == box_from_heatmap(enlarged).tolist()
    assert scaled_boxes(scaled, (24, 30), (6, 10)).tolist() == box_from_heatmap(heatmap).tolist()
    with pytest.raises(BadInput, match="give positive heights and widths"):
        scaled_boxes(scaled, (24, 30), (0, 10))
