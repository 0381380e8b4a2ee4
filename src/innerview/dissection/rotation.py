"""Other bases of a layer's space: do its axes matter, or only its span?"""

from functools import lru_cache

import numpy as np
import torch
from scipy.linalg import schur

from innerview.core.errors import BadInput
from innerview.core.seeds import generator
from innerview.dissection.survey import Directions


def rotation(channels: int, alpha: float = 1.0, seed: int = 0) -> Directions:
    r"""Return a random orthonormal basis, or one on the way there {cite}`bau2017dissection`, Sec. 3.2.

    $Q$ is a rotation drawn uniformly, $Q^\alpha$ the same about smaller angles: the shortest way from the channels
    ($\alpha = 0$) to $Q$.

    Args:
        channels: Dimensions of the space.
        alpha: In [0, 1].
        seed: Of $Q$.

    Returns:
        ``(c, c)``, the directions as rows.

    Raises:
        BadInput: `alpha` is out of range, or there are less than two channels.
    """
    if not 0 <= alpha <= 1 or channels < 2:
        raise BadInput(
            f"{channels} channels cannot be turned by a share of {alpha}; give at least 2, and a share from 0 to 1"
        )
    if alpha == 0:
        return torch.eye(channels)
    if alpha == 1:
        return torch.from_numpy(_drawn(channels, seed)).float()
    blocks, vectors = _planes(channels, seed)
    return torch.from_numpy(vectors @ _turned(blocks, alpha) @ vectors.T).float()


def _drawn(channels: int, seed: int) -> np.ndarray:
    """Draw a rotation."""
    draws = torch.randn(channels, channels, dtype=torch.float64, generator=generator("rotation", seed)).numpy()
    basis, triangle = np.linalg.qr(draws)
    basis *= np.sign(np.diag(triangle))  # else QR prefers some rotations
    if np.linalg.det(basis) < 0:
        basis[:, 0] *= -1
    return basis


@lru_cache(maxsize=1)  # seconds for 1024 channels, and a study asks for several shares of one rotation
def _planes(channels: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Take a rotation apart into turns in planes that are orthogonal to one another: 2 x 2 blocks, and the planes."""
    blocks, vectors = schur(_drawn(channels, seed))[:2]
    return blocks, vectors


def _turned(blocks: np.ndarray, alpha: float) -> np.ndarray:
    """Return turns by a share of their angles; a single 1 on the diagonal is an axis that stays."""
    turned = np.eye(len(blocks))
    place = 0
    while place < len(blocks):
        paired = place + 1 < len(blocks) and abs(blocks[place + 1, place]) > 1e-9
        if paired:
            angle = np.arctan2(blocks[place + 1, place], blocks[place, place])
            turned[place : place + 2, place : place + 2] = _turn(alpha * angle)
        place += 1 + paired
    return turned


def _turn(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
