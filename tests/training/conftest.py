import pytest
from torch import nn
from training.small import small_network, small_samples

from innerview.training import TensorSamples


@pytest.fixture
def network() -> nn.Sequential:
    return small_network()


@pytest.fixture
def samples() -> TensorSamples:
    return small_samples()
