"""Adversarial: small changes of images, or of a part of them, that change what a model sees."""

from innerview.adversarial.attacks import Attack, Attacked, fgsm, iterative, pgd
from innerview.adversarial.balls import NORMS, distances, to_levels
from innerview.adversarial.deepfool import Course, DeepFooled, deepfool
from innerview.adversarial.fooling import Fooling, fooling_images
from innerview.adversarial.goals import AwayFrom, Goal, Towards
from innerview.adversarial.pasting import PLACES, Place, noise_patch, paste
from innerview.adversarial.patches import PatchAttack, SizeSweep, correctly_classified, patch_attack, size_sweep
from innerview.adversarial.robustness import ATTACKS, AccuracyCurve, Transfer, accuracy_curve, attack_named, transfer
from innerview.adversarial.universal import Search, Universal, fooled, perturbed, universal_perturbation

__all__ = [
    "ATTACKS",
    "NORMS",
    "PLACES",
    "AccuracyCurve",
    "Attack",
    "Attacked",
    "AwayFrom",
    "Course",
    "DeepFooled",
    "Fooling",
    "Goal",
    "PatchAttack",
    "Place",
    "Search",
    "SizeSweep",
    "Towards",
    "Transfer",
    "Universal",
    "accuracy_curve",
    "attack_named",
    "correctly_classified",
    "deepfool",
    "distances",
    "fgsm",
    "fooled",
    "fooling_images",
    "iterative",
    "noise_patch",
    "paste",
    "patch_attack",
    "perturbed",
    "pgd",
    "size_sweep",
    "to_levels",
    "transfer",
    "universal_perturbation",
]
