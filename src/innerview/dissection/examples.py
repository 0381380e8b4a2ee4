"""What a survey found, and the images in it that show a channel best."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from innerview.core.errors import BadInput
from innerview.core.seeds import generator


@dataclass(frozen=True)
class Examples:
    """Images chosen from a survey.

    Args:
        indices: ``(k,)``, where they stand among the survey's paths.
        values: ``(k,)``, the channel's response in each.
        positions: ``(k, 2)`` row and column of that response in the layer; ``(k, 1)`` for tokens, ``(k, 0)`` for a
            layer without positions.
    """

    indices: np.ndarray
    values: np.ndarray
    positions: np.ndarray


@dataclass(frozen=True)
class Survey:
    """How a layer responds to many images; made by `survey`.

    A response is the activation of a channel, or along a direction, at one position; a survey along directions has them
    in the place of channels. Rows of images that could not be read are NaN.

    Args:
        paths: The images.
        layer: Name of the layer.
        size: Height and width of the images, in pixels.
        grid: Shape of the layer's positions: ``(h', w')``, ``(n,)`` tokens, or ``()``.
        rows: The numbers, on disk, one record for each image.
    """

    paths: tuple[Path, ...]
    layer: str
    size: int
    grid: tuple[int, ...]
    rows: np.ndarray

    @property
    def maxima(self) -> np.ndarray:
        """``(images, channels)``: the largest response over all positions."""
        return self.rows["maxima"]

    @property
    def minima(self) -> np.ndarray:
        """``(images, channels)``: the smallest response."""
        return self.rows["minima"]

    @property
    def means(self) -> np.ndarray:
        """``(images, channels)``: the mean response."""
        return self.rows["means"]

    @property
    def samples(self) -> np.ndarray:
        """``(images, channels)``: the response at a random position, one for each image."""
        return self.rows["samples"]

    @cached_property
    def skipped(self) -> tuple[int, ...]:
        """Indices of the images that could not be read."""
        return tuple(np.flatnonzero(np.isnan(self.maxima[:, 0])).tolist())

    def top(self, channel: int, count: int) -> Examples:
        """Return the images with the highest maxima, highest first.

        Raises:
            BadInput: no such channel, or fewer images than that could be read; the same holds for all choices.
        """
        return self._examples(channel, count, "maxima", lambda maxima: -maxima)

    def bottom(self, channel: int, count: int) -> Examples:
        """Return the images with the lowest minima, lowest first."""
        return self._examples(channel, count, "minima", lambda minima: minima)

    def near(self, channel: int, value: float, count: int) -> Examples:
        """Return the images whose response at a random position is nearest to `value`, nearest first.

        Maxima and minima would not do: those of nearly every image are far from zero.
        """
        return self._examples(channel, count, "samples", lambda samples: np.abs(samples - value))

    def groups(self, channel: int, count: int, share: float = 0.1) -> dict[str, Examples]:
        """Return examples along a channel's range, from negative to positive {cite}`olah2017feature`.

        Args:
            channel: Index; of a layer before its ReLU, for behind it nothing is negative.
            count: Images in each group.
            share: How far from zero "slightly" is, as a share of the survey's minimum and maximum.

        Returns:
            ``negative``, ``slightly negative``, ``slightly positive``, ``positive`` -> examples.

        Raises:
            BadInput: the channel never becomes negative, or never positive.
        """
        lowest, highest = self.bottom(channel, 1).values[0], self.top(channel, 1).values[0]
        if not lowest < 0 < highest:
            raise BadInput(
                f"channel {channel} of {self.layer!r} runs from {lowest:.3g} to {highest:.3g} and has not both signs; "
                "choose a layer before its ReLU, or another channel"
            )
        return {
            "negative": self.bottom(channel, count),
            "slightly negative": self.near(channel, float(share * lowest), count),
            "slightly positive": self.near(channel, float(share * highest), count),
            "positive": self.top(channel, count),
        }

    def _examples(self, channel: int, count: int, column: str, rank: Callable[[np.ndarray], np.ndarray]) -> Examples:
        channels, readable = self.maxima.shape[1], len(self.paths) - len(self.skipped)
        if not 0 <= channel < channels:
            raise BadInput(
                f"the survey of {self.layer!r} has the channels 0 to {channels - 1}; {channel} is out of range"
            )
        if not 1 <= count <= readable:
            raise BadInput(f"the survey holds {readable} images that could be read; {count} cannot be chosen")
        values = np.array(self.rows[column][:, channel])
        indices = np.argsort(rank(values), kind="stable")[:count]  # NaN, an image that was skipped, comes last
        if column == "samples":
            places = sampled_places(len(self.paths), self.grid).numpy()[indices]
        else:
            places = self.rows[{"maxima": "max_places", "minima": "min_places"}[column]][indices, channel]
        positions = np.stack(np.unravel_index(places, self.grid), 1) if self.grid else np.zeros((count, 0), np.int64)
        return Examples(indices, values[indices], positions)


@lru_cache(maxsize=1)  # every batch of a survey asks for its own of all
def sampled_places(images: int, grid: tuple[int, ...]) -> Int[Tensor, " images"]:
    """Return a random position of the layer for each image, as a flat index; always the same ones."""
    return torch.randint(math.prod(grid), (images,), generator=generator("survey"))
