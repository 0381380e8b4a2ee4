"""GoogLeNet of Innerview beside the same weights in a plain module; and what it costs to take fresh memory."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from alternating import compare, printed, record_comparison
from plain_googlenet import plain_copy
from torch import Tensor

from innerview.models import activations

pytestmark = pytest.mark.benchmark(group="GoogLeNet")
PLAIN = "the same weights in a plain module"


def forward(model: Callable[[Tensor], Tensor], images: Tensor) -> Callable[[], Tensor]:
    def run() -> Tensor:
        with torch.inference_mode():
            return model(images)

    return run


def forward_and_backward(model: Callable[[Tensor], Tensor], images: Tensor) -> Callable[[], Any]:
    def run() -> Any:
        leaf = images.clone().requires_grad_()
        return torch.autograd.grad(model(leaf)[:, 10].mean(), leaf)

    return run


@pytest.fixture(scope="module")
def images(device: torch.device) -> Tensor:
    return torch.rand(16, 3, 224, 224, generator=torch.Generator().manual_seed(0)).to(device)


def test_forward(benchmark: Any, googlenet: Any, images: Tensor) -> None:
    ours, plain = forward(googlenet, images), forward(plain_copy(googlenet), images)
    compare(benchmark, "Forward, 16 images of 224 px", ours, PLAIN, plain, goal=1.6)


def test_forward_and_backward_to_inception_4c(benchmark: Any, googlenet: Any, images: Tensor) -> None:
    small = images[:6, :, :128, :128].contiguous()
    ours = forward_and_backward(lambda x: activations(googlenet, x, "inception_4c")["inception_4c"], small)
    plain = forward_and_backward(plain_copy(googlenet).inception_4c, small)
    what = "Forward and backward to inception_4c, 6 images of 128 px"
    compare(benchmark, what, ours, PLAIN, plain, rounds=30, goal=1.8)


PASS = """
import time, torch
from innerview import keep_freed_memory, load_model
{keep}
model, images = load_model("googlenet"), torch.rand(16, 3, 224, 224)
times = []
with torch.inference_mode():
    for _ in range(6):
        start = time.perf_counter()
        model(images)
        times.append(time.perf_counter() - start)
print(sorted(times[1:])[2])
"""


@pytest.mark.usefixtures("googlenet")
def test_memory_that_is_kept(benchmark: Any) -> None:
    """In processes of their own, since a process that keeps its memory goes on to."""

    def median(keep: str) -> float:
        return float(printed(PASS.format(keep=keep)))

    pairs = [(median("keep_freed_memory()"), median("")) for _ in range(5)]
    what = "Forward, 16 images of 224 px, after `keep_freed_memory()`"
    record_comparison(benchmark, what, "a process that gives memory back", pairs)
    benchmark.pedantic(median, ("keep_freed_memory()",), rounds=1)
