"""Concepts: which pixels of an image show what. Any source of masks will do."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from innerview.core.errors import BadInput, near
from innerview.core.folders import Batch

Size = tuple[int, int]
"""Height and width, in pixels."""

Mask = Tensor | np.ndarray
"""``(h, w)`` of bool."""


class ConceptMasks(NamedTuple):
    """What some images show."""

    masks: Bool[Tensor, "b c h w"]
    """Whether each pixel shows each concept."""
    known: Bool[Tensor, "b c"]
    """Whether the image was annotated for the concept; where it was not, its pixels tell nothing."""


@runtime_checkable
class Concepts(Protocol):
    """A set of concepts: what `innerview.dissection.dissect` needs to know of it.

    Whether masks are stored or computed from the pixels is its own affair: `read` gets numbers and pixels of images.
    """

    @property
    def names(self) -> tuple[str, ...]:
        """Of the c concepts."""
        ...

    @property
    def categories(self) -> tuple[str, ...]:
        """Of each concept: ``"color"``, ``"object"``."""
        ...

    @property
    def size(self) -> Size | None:
        """Of its masks; None if they have the size of the images."""
        ...

    @property
    def count(self) -> int | None:
        """How many images it knows, by their number; None if it knows any image."""
        ...

    def read(self, batch: Batch) -> ConceptMasks:
        """Return the masks of some images."""
        ...

    def identity(self) -> Any:
        """Return what the masks depend on, for `innerview.core.store.fingerprint`."""
        ...


def checked_masks(concepts: Concepts, batch: Batch) -> ConceptMasks:
    """Read masks.

    Raises:
        BadInput: they have another size than the set says, or than the images.
    """
    found = concepts.read(batch)
    wanted = tuple(batch.images.shape[-2:]) if concepts.size is None else concepts.size
    size = tuple(found.masks.shape[-2:])
    if size != wanted:
        raise BadInput(
            f"the masks are {size[0]}x{size[1]} pixels, the images {wanted[0]}x{wanted[1]}; bring the masks to "
            "the size of the images"
        )
    return found


@dataclass(frozen=True, eq=False)
class GivenMasks:
    """Concepts whose masks are at hand, by the number of the image.

    Args:
        kinds: Name of each concept -> its category.
        found: For each image: name -> mask ``(h, w)`` of bool, of the concepts that it shows.
        unknown: For each image the categories that nobody looked for in it; by default none.
        size: Of the masks, where it is not that of the images.

    Raises:
        BadInput: no concepts, no images, a mask of an unknown concept, another number of `unknown` than images, masks
            that are no bool or of several sizes.
    """

    kinds: Mapping[str, str]
    found: Sequence[Mapping[str, Mask]]
    unknown: Sequence[Collection[str]] = ()
    size: Size | None = None
    names: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.kinds))
        if not self.kinds or not self.found:
            raise BadInput(f"{len(self.kinds)} concepts in {len(self.found)} images; give at least one of each")
        if self.unknown and len(self.unknown) != len(self.found):
            raise BadInput(f"{len(self.found)} images have masks, {len(self.unknown)} unknown categories; give as many")
        sizes = {tuple(mask.shape) for masks in self.found for mask in masks.values()} | {self.size or ()} - {()}
        if len(sizes) > 1:
            told = " and ".join("x".join(map(str, size)) for size in sorted(sizes)[:2])
            raise BadInput(f"masks are {told} pixels; bring all to one size")
        for masks in self.found:
            for name, mask in masks.items():
                self._check(name, mask)

    def _check(self, name: str, mask: Mask) -> None:
        if name not in self.kinds:
            raise BadInput(f"a mask shows {name!r}, which is no concept of the set{near(name, self.kinds)}")
        if mask.dtype not in (torch.bool, np.dtype(bool)) or mask.ndim != 2:
            raise BadInput(f"the mask of {name!r} is {tuple(mask.shape)} of {mask.dtype}; give (h, w) of bool")

    @property
    def categories(self) -> tuple[str, ...]:
        """Of each concept."""
        return tuple(self.kinds.values())

    @property
    def count(self) -> int:
        """How many images there are."""
        return len(self.found)

    def read(self, batch: Batch) -> ConceptMasks:
        """Return the masks of some images."""
        any_mask = next((tuple(mask.shape) for masks in self.found for mask in masks.values()), None)
        height, width = any_mask or self.size or tuple(batch.images.shape[-2:])
        masks = torch.zeros(len(batch.indices), len(self.names), height, width, dtype=torch.bool)
        known = torch.ones(len(batch.indices), len(self.names), dtype=torch.bool)
        for row, index in enumerate(batch.indices):
            for name, mask in self.found[index].items():
                masks[row, self.names.index(name)] = torch.as_tensor(mask)
            if self.unknown:
                known[row] = torch.tensor([kind not in self.unknown[index] for kind in self.categories])
        return ConceptMasks(masks, known)

    def identity(self) -> Any:
        """Return all masks."""
        found = [{name: torch.as_tensor(mask) for name, mask in masks.items()} for masks in self.found]
        return [list(self.kinds.items()), found, [sorted(one) for one in self.unknown]]


@dataclass(frozen=True, eq=False)
class JoinedConcepts:
    """Several sets as one, such as computed concepts beside annotated ones.

    Args:
        sets: Their masks have one size.

    Raises:
        BadInput: no sets, a name that two of them have, or that know different numbers of images.
    """

    sets: tuple[Concepts, ...]

    def __post_init__(self) -> None:
        if not self.sets:
            raise BadInput("no concepts to join; give at least one set")
        twice = [name for place, name in enumerate(self.names) if name in self.names[:place]]
        if twice:
            raise BadInput(f"two sets have a concept {twice[0]!r}; rename one")
        counts = sorted({one.count for one in self.sets if one.count is not None})
        if len(counts) > 1:
            raise BadInput(f"one set knows {counts[0]} images, another {counts[1]}; give sets of the same images")
        sizes = [one.size for one in self.sets]
        if len(set(sizes)) > 1:
            told = " and ".join("that of the images" if size is None else "x".join(map(str, size)) for size in sizes)
            raise BadInput(f"the sets' masks are of several sizes ({told}); give all the same `size`")

    @property
    def names(self) -> tuple[str, ...]:
        """Of all concepts."""
        return tuple(name for one in self.sets for name in one.names)

    @property
    def categories(self) -> tuple[str, ...]:
        """Of each concept."""
        return tuple(category for one in self.sets for category in one.categories)

    @property
    def size(self) -> Size | None:
        """Of the masks, where it is not that of the images."""
        return self.sets[0].size

    @property
    def count(self) -> int | None:
        """How many images they know."""
        return next((one.count for one in self.sets if one.count is not None), None)

    def read(self, batch: Batch) -> ConceptMasks:
        """Return the masks of some images."""
        parts = [checked_masks(one, batch) for one in self.sets]
        device = parts[0].masks.device
        return ConceptMasks(
            torch.cat([part.masks.to(device) for part in parts], 1),
            torch.cat([part.known.to(device) for part in parts], 1),
        )

    def identity(self) -> Any:
        """Return what the sets are made from."""
        return [one.identity() for one in self.sets]
