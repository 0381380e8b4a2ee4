"""GoogLeNet of Innerview beside the same weights in a plain module."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from alternating import alternate
from plain_googlenet import plain_copy
from torch import Tensor

from innerview.models import activations


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
def images() -> Tensor:
    return torch.rand(16, 3, 224, 224, generator=torch.Generator().manual_seed(0))


def test_forward(benchmark: Any, googlenet: Any, images: Tensor) -> None:
    ours, plain = forward(googlenet, images), forward(plain_copy(googlenet), images)
    benchmark.extra_info.update(vars(alternate(ours, plain)))
    benchmark.pedantic(ours, rounds=5)


def test_forward_and_backward_to_inception_4c(benchmark: Any, googlenet: Any, images: Tensor) -> None:
    small = images[:6, :, :128, :128].contiguous()
    ours = forward_and_backward(lambda x: activations(googlenet, x, "inception_4c")["inception_4c"], small)
    plain = forward_and_backward(plain_copy(googlenet).inception_4c, small)
    benchmark.extra_info.update(vars(alternate(ours, plain, rounds=30)))
    benchmark.pedantic(ours, rounds=10)
