"""What a loop may leave behind: memory, open files, threads, processes, objects, hooks and flags of a model."""

import gc
import os
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from torch import nn

HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


class Held(NamedTuple):
    """What this process holds, apart from memory."""

    files: int
    threads: int
    children: int

    @classmethod
    def now(cls) -> "Held":
        """Count it."""
        threads = list(Path("/proc/self/task").iterdir())
        children = sum(len((one / "children").read_text(encoding="ascii").split()) for one in threads)
        return cls(len(list(Path("/proc/self/fd").iterdir())), len(threads), children)


def memory() -> float:
    """Return the memory that this process has in use, in MiB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def objects() -> Counter[str]:
    """Count what Python's garbage collector knows, by type."""
    gc.collect()
    return Counter(f"{type(one).__module__}.{type(one).__qualname__}" for one in gc.get_objects())


def state(model: nn.Module) -> dict[str, Any]:
    """Return hooks and flags of all modules and parameters of a model."""
    told: dict[str, Any] = {
        name: (module.training, *(len(getattr(module, hooks)) for hooks in HOOKS))
        for name, module in model.named_modules()
    }
    return told | {f"{name}, a parameter": (one.requires_grad, one.grad) for name, one in model.named_parameters()}
