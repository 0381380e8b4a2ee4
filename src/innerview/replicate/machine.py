"""On what a run was made: processor, memory, versions."""

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

try:
    import resource
except ImportError:  # Windows
    resource = None

PACKAGES = (
    "innerview", "torch", "torchvision", "numpy", "scipy", "matplotlib", "pillow", "scikit-image", "scikit-learn",
    "umap-learn",
)  # fmt: skip


def machine(device: torch.device) -> dict[str, Any]:
    """Return what the machine is: the processor's model, its cores, the memory in GB, and the accelerator, if used."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    told: dict[str, Any] = {"cpu": _processor(), "cores": cores, "memory_gb": _memory(), "system": platform.system()}
    if device.type == "cuda":
        told["gpu"] = torch.cuda.get_device_name(device)
    return told


def versions() -> dict[str, str]:
    """Return the version of Python and of each package that can change a result."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    found["torch"] = str(torch.__version__)  # with its build, such as +cpu
    return found


def peak_memory_mb(device: torch.device) -> dict[str, int]:
    """Return the most memory that this process held so far, in MiB, and the most on the accelerator."""
    peak = {}
    if resource is not None:
        unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss is in bytes there, in KiB elsewhere
        peak["memory"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20)
    if device.type == "cuda":
        peak["gpu_memory"] = round(torch.cuda.max_memory_allocated(device) / 2**20)
    return peak


def _processor() -> str:
    told = Path("/proc/cpuinfo")
    if told.exists():
        for line in told.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (ValueError, OSError, AttributeError):
        return None
