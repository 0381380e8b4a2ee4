"""Localization: boxes and masks from heatmaps, and how well they meet objects."""

from innerview.localization.acol import PACES, Acol, AcolHeads, BranchMaps, acol, acol_loss, acol_maps
from innerview.localization.annotations import (
    COCO_CATEGORIES,
    Annotation,
    check_boxes,
    coco_masks,
    find_ilsvrc,
    read_ilsvrc,
)
from innerview.localization.boxes import box_from_heatmap, component_boxes, iou, largest_component, scaled_boxes
from innerview.localization.composites import Composites, composites
from innerview.localization.datasets import (
    DataSet,
    Example,
    class_folders,
    ilsvrc_training,
    ilsvrc_validation,
    read_cub,
)
from innerview.localization.hiding import HideAndSeek, RandomErasing
from innerview.localization.judging import Judged, PixelCurve, Threshold, box_coverage, judge, marked, pixel_curve
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
    "PACES",
    "Acol",
    "AcolHeads",
    "Annotation",
    "BoxAccuracy",
    "BranchMaps",
    "Composites",
    "DataSet",
    "Example",
    "HideAndSeek",
    "Judged",
    "Localization",
    "PixelCurve",
    "RandomErasing",
    "Threshold",
    "acol",
    "acol_loss",
    "acol_maps",
    "box_coverage",
    "box_from_heatmap",
    "check_boxes",
    "class_folders",
    "coco_masks",
    "component_boxes",
    "composites",
    "find_ilsvrc",
    "grabcut",
    "grabcut_from_seeds",
    "gt_known",
    "ilsvrc_training",
    "ilsvrc_validation",
    "iou",
    "judge",
    "largest_component",
    "localization",
    "marked",
    "mask_iou",
    "max_box_accuracies",
    "max_box_accuracy",
    "max_box_accuracy_v2",
    "pixel_curve",
    "read_cub",
    "read_ilsvrc",
    "scaled_boxes",
    "seeds",
]
