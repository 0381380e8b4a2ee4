"""Localization: boxes and masks from heatmaps, and how well they meet objects."""

from innerview.localization.annotations import COCO_CATEGORIES, Annotation, coco_masks, find_ilsvrc, read_ilsvrc
from innerview.localization.boxes import box_from_heatmap, component_boxes, iou, largest_component, scaled_boxes
from innerview.localization.max_box_accuracy import (
    BoxAccuracy,
    max_box_accuracies,
    max_box_accuracy,
    max_box_accuracy_v2,
)
from innerview.localization.metrics import Localization, gt_known, localization
from innerview.localization.segmentation import grabcut, grabcut_from_seeds, mask_iou, seeds

__all__ = [
    "COCO_CATEGORIES",
    "Annotation",
    "BoxAccuracy",
    "Localization",
    "box_from_heatmap",
    "coco_masks",
    "component_boxes",
    "find_ilsvrc",
    "grabcut",
    "grabcut_from_seeds",
    "gt_known",
    "iou",
    "largest_component",
    "localization",
    "mask_iou",
    "max_box_accuracies",
    "max_box_accuracy",
    "max_box_accuracy_v2",
    "read_ilsvrc",
    "scaled_boxes",
    "seeds",
]
