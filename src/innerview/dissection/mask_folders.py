"""Concepts from a folder of mask files, drawn by the user."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps

from innerview.core.errors import BadInput
from innerview.core.files import file_identity
from innerview.core.folders import Batch, image_paths
from innerview.core.images import center_crop, from_array, opened
from innerview.dissection.concepts import ConceptMasks


@dataclass(frozen=True, eq=False)
class MaskFolders:
    """Concepts whose masks lie in files; made by `read_mask_folders`.

    Args:
        paths: The images; their masks are cut as they are.
        files: Name of each concept -> number of an image -> its mask. An image without one does not show the concept.
        kinds: Name of each concept -> its category.
    """

    paths: tuple[Path, ...]
    files: Mapping[str, Mapping[int, Path]]
    kinds: Mapping[str, str]
    size: None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Of all concepts."""
        return tuple(self.files)

    @property
    def categories(self) -> tuple[str, ...]:
        """Of each concept."""
        return tuple(self.kinds[name] for name in self.files)

    @property
    def count(self) -> int:
        """How many images there are."""
        return len(self.paths)

    def read(self, batch: Batch) -> ConceptMasks:
        """Read the masks of some images, resized and cut as these.

        Raises:
            BadInput: a mask cannot be read, or has another size than its image.
        """
        height, width = batch.images.shape[-2:]
        masks = torch.zeros(len(batch.indices), len(self.files), height, width, dtype=torch.bool)
        for row, index in enumerate(batch.indices):
            for place, found in enumerate(self.files.values()):
                if index in found:
                    masks[row, place] = _mask(found[index], self.paths[index], min(height, width))
        return ConceptMasks(masks, torch.ones(masks.shape[:2], dtype=torch.bool))

    def identity(self) -> Any:
        """Return the names, sizes and times of the files."""
        files = [[name, [[index, file_identity(path)] for index, path in found.items()]]
                 for name, found in self.files.items()]  # fmt: skip
        return [files, list(self.kinds.items())]


def read_mask_folders(folder: str | Path, paths: Sequence[str | Path]) -> MaskFolders:
    """Find the masks of images: ``CONCEPT/IMAGE.png`` or ``CATEGORY/CONCEPT/IMAGE.png``.

    A mask has the name of its image, whatever the ending, and its size; where it is not black, the image shows the
    concept.

    Args:
        folder: Holds a folder for each concept.
        paths: The images.

    Raises:
        BadInput: there is no such folder or no mask in it, a mask belongs to no image or to two, or lies elsewhere.
    """
    root, images = Path(folder), tuple(Path(path) for path in paths)
    stems: dict[str, int] = {}
    for number, path in enumerate(images):
        if path.stem in stems:
            raise BadInput(f"two images are called {path.stem!r}, and masks are found by name; rename one")
        stems[path.stem] = number
    files: dict[str, dict[int, Path]] = {}
    kinds: dict[str, str] = {}
    for path in image_paths(root):
        *category, concept = path.relative_to(root).parts[:-1] or ("",)
        if not concept or len(category) > 1:
            raise BadInput(f"{path} is no CONCEPT/IMAGE nor CATEGORY/CONCEPT/IMAGE below {root}; move it")
        if path.stem not in stems:
            raise BadInput(f"the mask {path} belongs to no image; name it as its image is named")
        kind = category[0] if category else "concept"
        if kinds.setdefault(concept, kind) != kind:
            raise BadInput(f"the concept {concept!r} is in {kinds[concept]!r} and in {kind!r}; rename one")
        files.setdefault(concept, {})[stems[path.stem]] = path
    return MaskFolders(images, files, kinds)


def _mask(path: Path, image: Path, size: int) -> torch.Tensor:
    """Return a mask, its shorter side `size` pixels, its middle square: ``(size, size)``."""
    try:
        with opened(image) as file:
            wanted = ImageOps.exif_transpose(file).size
        with opened(path) as file:
            found, mask = file.size, file.convert("L") if file.size == wanted else None  # no bomb is decoded
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise BadInput(f"the mask {path} cannot be read ({error}); replace the file") from error
    if mask is None:
        told, asked = (f"{height}x{width}" for width, height in (found, wanted))
        raise BadInput(f"the mask {path} is {told} pixels, its image {asked}; bring it to the size of the image")
    scale = size / min(wanted)
    width, height = (max(size, round(side * scale)) for side in wanted)
    drawn = np.asarray(mask.resize((width, height), Image.Resampling.NEAREST)) > 0
    whole = from_array(np.repeat(drawn[..., None], 3, 2).astype(np.uint8))
    return center_crop(whole, size)[0, 0] > 0
