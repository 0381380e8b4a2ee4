"""DeepDream from the command line: seconds and memory of whole processes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from alternating import printed, record_measure
from PIL import Image
from scipy.ndimage import gaussian_filter

MEASURE = """
import json, runpy, sys
from alternating import peak_mib
sys.argv = ["innerview", *sys.argv[1:]]
try:
    runpy.run_module("innerview.cli", run_name="__main__")
except SystemExit as end:
    status = end.code
print(json.dumps({"status": status, "peak_mib": peak_mib()}))
"""

pytestmark = pytest.mark.benchmark(group="DeepDream")


@pytest.mark.parametrize("size", [(768, 1024), (3000, 4000)], ids=["1024 px", "4000 px"])
@pytest.mark.usefixtures("googlenet")
def test_dream_of_a_photograph(benchmark: Any, tmp_path: Path, size: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).normal(size=(*size, 3))
    smooth = gaussian_filter(noise, (16, 16, 0))
    pixels = (127 + 60 * smooth / smooth.std()).clip(0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.jpg")
    arguments = ["dream", str(tmp_path / "photo.jpg"), "-o", str(tmp_path / "dream.jpg")]

    def run() -> dict[str, float]:
        return json.loads(printed(MEASURE, *arguments).splitlines()[-1])

    told = benchmark.pedantic(run, rounds=1)
    assert not told["status"]
    what = f"`innerview dream` of a photograph of {size[1]} x {size[0]} px"
    record_measure(benchmark, what, benchmark.stats.stats.median, "s")
    record_measure(benchmark, f"Peak memory of {what}", told["peak_mib"], "MiB", at_most=4096)
