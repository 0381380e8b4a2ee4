"""The course: exercises that are released to students and graded, and the checks that students run."""

from innerview.course.checks import Mistake, check
from innerview.course.networks import random_images, small_network

__all__ = ["Mistake", "check", "random_images", "small_network"]
