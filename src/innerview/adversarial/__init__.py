"""Adversarial: small changes of images, or of a part of them, that change what a model sees."""

from innerview.adversarial.attacks import Attack, Attacked, fgsm, pgd
from innerview.adversarial.goals import AwayFrom, Goal, Towards
from innerview.adversarial.pasting import PLACES, Place, noise_patch, paste
from innerview.adversarial.patches import PatchAttack, SizeSweep, correctly_classified, patch_attack, size_sweep

__all__ = [
    "PLACES",
    "Attack",
    "Attacked",
    "AwayFrom",
    "Goal",
    "PatchAttack",
    "Place",
    "SizeSweep",
    "Towards",
    "correctly_classified",
    "fgsm",
    "noise_patch",
    "paste",
    "patch_attack",
    "pgd",
    "size_sweep",
]
