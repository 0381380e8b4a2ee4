import io
import json
import resource
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt
from PIL import Image

from innerview.core.errors import BadInput, OutputError
from innerview.replicate import Run, load_paper


@pytest.fixture
def paper(root):
    return load_paper(root, "toy2020")


@pytest.fixture
def run(paper, tmp_path) -> Run:
    return Run.start(paper, "smoke", tmp_path / "out")


def test_a_run_without_its_assets_says_so_in_one_line_and_uses_the_embedded_model(paper, tmp_path, no_network, capsys):
    run = Run.start(paper, "smoke", tmp_path / "out", {"needs": "bvlc_googlenet"})
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert "bvlc_googlenet" in said
    assert "EfficientNet-Lite0" in said
    assert run.fallback
    assert run.config.model == "efficientnet_lite0"
    run.measure()
    claims = {claim["id"]: claim for claim in json.loads((run.folder / "claims.json").read_text(encoding="utf-8"))}
    assert claims["mean"]["verdict"] == "not measured"
    assert claims["spread"]["verdict"] == "reproduced"
    assert json.loads((run.folder / "run.json").read_text(encoding="utf-8"))["fallback"] is True


def test_an_unknown_asset_is_an_error_and_no_reason_to_fall_back(paper, tmp_path):
    with pytest.raises(BadInput, match="no asset is called 'bvlc_googlenot'"):
        Run.start(paper, "smoke", tmp_path, {"needs": "bvlc_googlenot"})


def test_a_part_is_computed_once_for_the_same_origin(paper, run, tmp_path):
    calls = []

    def compute():
        calls.append(1)
        return {"x": torch.arange(3)}

    assert run.part("x", compute, 1)["x"].tolist() == [0, 1, 2]
    run.part("x", compute, 1)
    assert len(calls) == 1
    run.part("x", compute, 2)
    Run.start(paper, "smoke", tmp_path / "out", seed=1).part("x", compute, 1)
    assert len(calls) == 3
    run.part("x", compute)
    other = Run.start(paper, "smoke", tmp_path / "out", {"pause": "0.5"})
    other.part("x", compute)
    assert len(calls) == 5, "without made_from the whole configuration counts"
    other.part("x", compute, 1)
    assert len(calls) == 5


def test_a_part_that_is_no_dict_of_tensors_is_refused(run):
    with pytest.raises(BadInput, match="return a dict of tensors"):
        run.part("x", lambda: torch.zeros(1))  # pyright: ignore[reportArgumentType]


def test_seconds_of_a_part_are_known_to_the_run_that_found_it_again(paper, tmp_path):
    def compute():
        time.sleep(0.3)
        return {"x": torch.zeros(1)}

    def outer():
        time.sleep(0.1)
        return run.part("inner", compute, 1)

    resumed = {}
    for name in ("first", "second"):
        run = Run.start(paper, "smoke", tmp_path / "out")
        for _ in range(2):  # what this run computed itself does not count as found
            run.part("outer", outer, 1)
            run.part("inner", compute, 1)
        run.finish()
        told = json.loads((run.folder / "run.json").read_text(encoding="utf-8"))
        assert told["seconds_per_part"]["inner"] == pytest.approx(0.3, abs=0.1)
        assert told["seconds_per_part"]["outer"] == pytest.approx(0.1, abs=0.1), "without the part inside it"
        assert told["seconds"] == pytest.approx(0.4, abs=0.25)
        resumed[name] = told["seconds_resumed"]
    assert resumed == {"first": 0, "second": pytest.approx(0.4, abs=0.2)}


def test_a_figure_is_displayed_from_its_file_at_half_its_pixels(run):
    figure, axes = plt.subplots(figsize=(3, 2))
    axes.plot([1, 2])
    shown = run.show(figure, "line")
    assert not plt.get_fignums(), "the notebook would show it again"
    data, metadata = shown._repr_mimebundle_()
    path = run.folder / "figures" / "line.png"
    with Image.open(path) as file:
        assert file.size == (600, 400)
    assert set(data) == {"text/plain", "image/png"}
    assert metadata == {"image/png": {"width": 300}}


@pytest.mark.parametrize(
    ("images", "size"),
    [
        (torch.rand(1, 3, 20, 30), (30, 20)),
        (torch.rand(3, 20, 30), (30, 20)),
        (torch.rand(4, 3, 20, 30), (64, 44)),
        (np.zeros((20, 30, 3), np.uint8), (30, 20)),
    ],
)
def test_images_are_shown_pixel_by_pixel(run, images, size):
    assert run.show(images, "images", width=50).width == 50
    with Image.open(run.folder / "figures" / "images.png") as file:
        assert file.size == size


def test_bytes_of_a_png_are_kept_as_they_are(run):
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "png")
    run.show(buffer.getvalue(), "bytes")
    assert (run.folder / "figures" / "bytes.png").read_bytes() == buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "kind"), [("zoom", "text/html"), ("zoom.webp", "text/html"), ("zoom.gif", "image/gif")]
)
def test_an_animation_is_written_and_displayed(run, name, kind):
    frames = torch.rand(3, 3, 16, 24)
    shown = run.write_animation(frames, name, seconds_per_frame=0.2)
    data, _ = shown._repr_mimebundle_()
    assert kind in data
    assert shown.width == 12
    with Image.open(shown.path) as file:
        assert getattr(file, "n_frames", 1) == 3


@pytest.mark.parametrize("name", ["../up", "a b", "x.jpg", ""])
def test_names_that_make_no_file_are_refused(run, name):
    with pytest.raises(BadInput, match="a picture cannot be called"):
        run.show(torch.rand(1, 3, 8, 8), name)


@pytest.mark.parametrize("thing", ["text", b"no png", 3])
def test_what_is_no_picture_is_refused_and_leaves_nothing(run, thing):
    with pytest.raises(BadInput, match="PNG"):
        run.show(thing, "thing")
    assert not list(run.folder.rglob("*thing*"))


def test_a_full_disk_is_one_line_and_leaves_nothing_half_written(run):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(OutputError, match=r"^cannot write .*parts/noise-.*File too large.*; free space"):
            run.part("noise", lambda: {"x": torch.rand(100_000)}, 1)
        with pytest.raises(OutputError, match=r"^cannot write .*noise\.png: File too large; free space"):
            run.show(torch.rand(1, 3, 300, 300), "noise")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(run.folder.rglob("*noise*"))


def test_a_folder_that_cannot_be_written_to_is_said_at_the_start(paper, tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(OutputError, match="cannot write"):
        Run.start(paper, "smoke", tmp_path / "file")


def test_a_model_is_loaded_once_and_its_hash_recorded(run):
    model = run.model("efficientnet_lite0")
    assert run.model("efficientnet_lite0") is model
    run.finish()
    told = json.loads((run.folder / "run.json").read_text(encoding="utf-8"))
    assert len(told["models"]["efficientnet_lite0"]) == 16


def test_papers_and_ledger_load_no_torch():
    code = "import sys, innerview.replicate.paper, innerview.replicate.ledger; sys.exit('torch' in sys.modules)"
    package = subprocess.run(
        [sys.executable, "-c", "import sys, innerview; sys.exit('torch' in sys.modules)"], check=False
    )
    if package.returncode:
        pytest.skip("innerview itself imports torch")
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_missing_notebook_tools_are_one_line_with_the_mend():
    code = (
        "import sys; sys.modules['papermill'] = None\n"
        "from innerview.replicate.notebook import check_tools\n"
        "try: check_tools()\n"
        "except Exception as error: print(error)"
    )
    said = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True).stdout
    assert said == "running a notebook needs papermill: pip install 'innerview[book]'\n"
