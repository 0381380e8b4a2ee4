"""Evaluation: how faithful heatmaps are to the network, whether they find the object; how real made images look."""

from innerview.evaluation.correlation import rank_correlation
from innerview.evaluation.curves import Curve, blurred, deletion, insertion
from innerview.evaluation.discrimination import discriminates, energy_inside
from innerview.evaluation.pointing import box_masks, pointing_hits
from innerview.evaluation.realism import kernel_distance
from innerview.evaluation.sanity import SanityCheck, randomized, sanity_check, weighted_layers

__all__ = [
    "Curve",
    "SanityCheck",
    "blurred",
    "box_masks",
    "deletion",
    "discriminates",
    "energy_inside",
    "insertion",
    "kernel_distance",
    "pointing_hits",
    "randomized",
    "rank_correlation",
    "sanity_check",
    "weighted_layers",
]
