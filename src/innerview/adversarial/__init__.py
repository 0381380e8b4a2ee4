"""Adversarial: small changes of images that change what a model sees."""

from innerview.adversarial.attacks import Attack, Attacked, fgsm, pgd
from innerview.adversarial.goals import AwayFrom, Goal, Towards

__all__ = ["Attack", "Attacked", "AwayFrom", "Goal", "Towards", "fgsm", "pgd"]
