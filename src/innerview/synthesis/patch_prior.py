r"""A prior made of patches {cite}`wei2015intraclass`: each patch of a picture is drawn to one out of photographs.

The paper adds it to feature visualization, so that what excites a network is put together from pieces that photographs
have. Its text was not at hand; the prior is written down from memory of its idea: patches are normalised, each finds
its nearest neighbour in a database, and where neighbours overlap their average counts.
"""

from collections.abc import Iterable
from typing import Final

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from innerview.core.errors import BadInput
from innerview.core.images import check_images
from innerview.core.seeds import generator
from innerview.core.types import AnyImages, Images, Values
from innerview.optimize import Objective, Reading

Rows = Float[Tensor, "patches numbers"]
"""Patches, each as one row: ``numbers`` is ``3 * side**2``."""

Known = Float[Tensor, "known numbers"]
"""Patches of photographs, normalised."""

Cut = Float[Tensor, "b patches numbers"]
"""The patches of each image."""

NUMBERS_AT_ONCE: Final = 2**24
"""How many similarities a piece of the search may hold: 64 MiB."""

FLATTEST: Final = 1e-6
"""Patches of a picture of no more contrast than this have no direction."""

FLAT: Final = 0.02
"""Patches of photographs that deviate less from their mean, as a root mean square, show no pattern."""


def photograph_patches(photographs: Iterable[AnyImages], *, side: int = 8, count: int = 10_000, seed: int = 0) -> Known:
    """Cut patches out of photographs, at random places, and normalise them: mean 0, length 1.

    Args:
        photographs: Each ``(n, 3, h, w)`` in [0, 1], of any size; they are gone through once.
        side: Height and width of a patch in pixels.
        count: So many, in all; each photograph gives about as many. Flat ones are left out, so there may be fewer.
        seed: Of the places.

    Returns:
        ``(patches, 3 * side**2)``.

    Raises:
        BadInput: no photographs, one smaller than a patch, only flat patches, or a side or count that is too small.
    """
    if side < 2 or count < 1:
        raise BadInput(f"patches have a side of at least 2 pixels, not {side}, and there is at least one, not {count}")
    singles = [photograph[None] for several in photographs for photograph in several]
    if not singles:
        raise BadInput("there are no photographs to cut patches from; give at least one")
    draws, found = generator("photograph_patches", seed), []
    for number, photograph in enumerate(singles):
        check_images(photograph)
        share = (number + 1) * count // len(singles) - number * count // len(singles)
        found.append(_drawn(photograph[0], side, share, draws))
    offsets, _ = _centred(torch.cat(found))
    clear = offsets.square().mean(1).sqrt() >= FLAT
    if not clear.any():
        raise BadInput("the photographs hold only flat patches; give others")
    return F.normalize(offsets[clear], dim=1)


def _drawn(photograph: Float[Tensor, "3 h w"], side: int, count: int, draws: torch.Generator) -> Rows:
    height, width = photograph.shape[1:]
    if min(height, width) < side:
        raise BadInput(f"a photograph of {height}x{width} pixels holds no patch of {side}; leave it out")
    windows = photograph.unfold(1, side, 1).unfold(2, side, 1)  # (3, rows, columns, side, side), a view
    rows, columns = (torch.randint(length, (count,), generator=draws) for length in windows.shape[1:3])
    return windows[:, rows, columns].transpose(0, 1).flatten(1)


def _centred(patches: Float[Tensor, "*many numbers"]) -> tuple[Tensor, Tensor]:
    """Return how patches deviate from their mean over pixels and colours, and the means ``(*many, 1)``."""
    means = patches.mean(-1, keepdim=True)
    return patches - means, means


class PatchPrior:
    r"""What a picture would be if its patches were those of photographs.

    A patch $x_p$ has mean $\mu_p$ and contrast $\|x_p - \mu_p\|$. Its match is the patch $z$ of the
    database that lies nearest when both are normalised,

    $$z_p = \mu_p + \|x_p - \mu_p\| \, \arg\max_z \langle x_p - \mu_p, z \rangle$$

    and the picture $J(x)$ is the average of the $z_p$ where they overlap. Brightness and contrast of a patch are left
    to the network; its pattern and tint are not.

    Args:
        patches: ``(n, 3 * side**2)``, normalised; see `photograph_patches`.
        spacing: Pixels from one patch of the picture to the next; half the side by default. Rows and columns at the
            far edge that no patch reaches are left alone.

    Raises:
        BadInput: rows that are no square patches of three colours, or a spacing outside 1 to the side.
    """

    def __init__(self, patches: Known, spacing: int | None = None) -> None:
        side = round((patches.shape[1] / 3) ** 0.5)
        if not len(patches) or 3 * side**2 != patches.shape[1]:
            raise BadInput(f"patches are rows of 3 * side**2 numbers, at least one, not {tuple(patches.shape)}")
        spacing = max(1, side // 2) if spacing is None else spacing
        if not 1 <= spacing <= side:
            raise BadInput(f"patches of {side} pixels lie 1 to {side} pixels apart, not {spacing}")
        self.patches, self.side, self.spacing = patches, side, spacing

    def joined(self, images: Images) -> Images:
        """Return $J(x)$, detached: the picture that the nearest patches make, ``(b, 3, h, w)``."""
        own = self._cut(images.detach())
        size = (images.shape[-2], images.shape[-1])
        total = F.fold(self._matches(own).transpose(1, 2), size, self.side, stride=self.spacing)
        covered = F.fold(torch.ones_like(own).transpose(1, 2), size, self.side, stride=self.spacing)
        return torch.where(covered > 0, total / covered.clamp(min=1), images.detach())

    def pulled(self, images: Images, share: float) -> Images:
        """Return images moved by a share of the way to `joined`; a share of 0 changes nothing.

        Raises:
            BadInput: a share outside 0 to 1.
        """
        if not 0 <= share <= 1:
            raise BadInput(f"a share is a number from 0 to 1, not {share}")
        return images + share * (self.joined(images) - images) if share else images

    def distances(self, images: Images) -> Values:
        """Return how far normalised patches of each image are from their matches, in the mean: from 0 to 2.

        The square root of 2 is the distance of patches that have nothing in common; flat patches count as 0.
        """
        offsets, _ = _centred(self._cut(images.detach()))
        known = self.patches.to(offsets)
        unit = F.normalize(offsets, dim=2, eps=FLATTEST)
        apart = unit - known[_most_alike(unit.flatten(0, 1), known)].view_as(unit)
        return (apart.square().sum(2).sqrt() * (unit.norm(dim=2) > 0.5)).mean(1)

    def penalty(self) -> Objective:
        r"""Subtract this from an objective, ``channel("conv2", 3) - 0.1 * prior.penalty()``: $\tfrac12 \|x - J(x)\|^2$.

        $J(x)$ counts as a constant, so that the gradient is $x - J(x)$: matches and pixels are improved in turn.
        """

        def measure(reading: Reading) -> Values:
            return (reading.images - self.joined(reading.images)).square().flatten(1).sum(1) / 2

        return Objective(f"patch_prior({len(self.patches)} of {self.side}, {self.spacing})", (), measure)

    def _cut(self, images: Images) -> Cut:
        check_images(images)
        if min(images.shape[-2:]) < self.side:
            height, width = images.shape[-2:]
            raise BadInput(f"images of {height}x{width} pixels hold no patch of {self.side}; make them larger")
        return F.unfold(images, self.side, stride=self.spacing).transpose(1, 2)

    def _matches(self, own: Cut) -> Cut:
        offsets, means = _centred(own)
        known = self.patches.to(own)
        matches = known[_most_alike(offsets.flatten(0, 1), known)].view_as(own)
        return means + offsets.norm(dim=2, keepdim=True) * matches


def _most_alike(rows: Rows, known: Known) -> Int[Tensor, " patches"]:
    """Return for each row the number of the known patch with the largest inner product."""
    step = max(1, NUMBERS_AT_ONCE // len(known))
    return torch.cat([(part @ known.T).argmax(1) for part in rows.split(step)])
