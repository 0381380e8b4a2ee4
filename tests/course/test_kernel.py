"""The kernel of a submission: whose end it watches."""

import warnings

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # nbgrader's own
    from innerview.course.grader import SandboxedKernel
from innerview.course.sandbox import can_isolate


@pytest.mark.parametrize("isolated", [False, True])
def test_it_watches_its_grader_unless_the_sandbox_ends_with_it(tmp_path, isolated):
    if isolated and not can_isolate():
        pytest.skip("bubblewrap is not installed or not allowed here: apt-get install bubblewrap")
    kernel = SandboxedKernel(folder=str(tmp_path), limits="{}", isolated=isolated)
    blind = "--IPKernelApp.parent_handle=0"
    assert (blind in kernel.format_kernel_cmd([])) == isolated
