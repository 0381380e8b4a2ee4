"""Randomness that is always asked for by seed, never taken from a global state."""

import hashlib

import torch


def generator(*seed: int | str) -> torch.Generator:
    """Return a processor generator whose stream is named by `seed`, e.g. ``generator("transforms", step)``.

    Streams of different names are independent, and draws are the same on every device because they are
    made on the processor and moved.
    """
    digest = hashlib.sha256(repr(seed).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


def narrowed(seed: int) -> int:
    """Return a seed as NumPy and scikit-learn take it: from 0 on, below 2**32, where it stays as it is."""
    return seed % 2**32
