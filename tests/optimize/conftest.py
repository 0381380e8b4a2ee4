import pytest
import torch


@pytest.fixture(autouse=True)
def _one_thread():
    """Tiny ascents gain nothing from threads, and lose much where something else runs beside them."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
