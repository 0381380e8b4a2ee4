"""In processes of their own: what is set holds until they end."""

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource
from innerview.core.allocator import keep_freed_memory
assert keep_freed_memory() is True if {keep} else True
counts = []
for _ in range(3):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    b"x" * 2**26
    counts.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(*counts)
"""


def faults(keep: bool) -> list[int]:
    """How many pages the system hands out while a block of 64 MiB is taken and freed, three times."""
    done = subprocess.run([sys.executable, "-c", FAULTS.format(keep=keep)], capture_output=True, text=True, check=True)
    return [int(count) for count in done.stdout.split()]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc gives large blocks back at once")
def test_freed_memory_is_taken_again():
    first, *later = faults(keep=True)
    assert max(later) < first / 10
    given_back = faults(keep=False)
    assert min(given_back) > 10 * max(*later, 1)
