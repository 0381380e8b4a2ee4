"""Where to compute."""

import torch

from innerview.core.errors import BadInput

DEVICES = ("auto", "cpu", "cuda", "mps")


def choose_device(name: str = "auto") -> torch.device:
    """Return the named device; ``auto`` takes CUDA, then Apple's GPU, then the processor.

    Args:
        name: ``auto``, ``cpu``, ``cuda``, ``mps``, or one card such as ``cuda:1``.

    Raises:
        BadInput: the name is unknown, or this machine has no such device.
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, there in available.items() if there))
    kind = name.partition(":")[0]
    if kind not in available:
        raise BadInput(f"unknown device {name!r}; choose one of {', '.join(DEVICES)}")
    if not available[kind]:
        raise BadInput(f"this machine offers PyTorch no {kind!r} device; choose cpu, or install torch for {kind}")
    try:
        return torch.device(name)
    except RuntimeError as error:  # such as "cuda:x"
        raise BadInput(f"unknown device {name!r}; choose one of {', '.join(DEVICES)}") from error
