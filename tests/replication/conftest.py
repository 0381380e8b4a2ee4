import pytest
import torch


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """Small dreams gain nothing from threads, and lose much where something else runs beside them; in kernels too."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield
    torch.set_num_threads(before)
