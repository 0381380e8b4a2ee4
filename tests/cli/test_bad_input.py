"""Bad input at the command line: one clear line, status 2, nothing half-written."""

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from innerview import cli
from innerview.assets import catalog

EMBEDDED = "efficientnet_lite0"
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def innerview(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the command in this process: arguments -> status, standard output, last line of the standard error."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["innerview", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        lines = err.replace("\r", "\n").strip().splitlines()
        return int(end.value.code or 0), out, lines[-1] if lines else ""

    return run


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty cache, no mirror, and a proxy that nobody listens at."""
    monkeypatch.setenv("INNERVIEW_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("INNERVIEW_MIRROR", raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")


def dream(image: Path, out: Path, *more: object) -> tuple[object, ...]:
    return ("dream", image, "-o", out, "--model", EMBEDDED, "--octaves", 1, "--steps", 1, "--size", 64, *more)


def visualize(objective: str, out: Path, *more: object) -> tuple[object, ...]:
    return ("visualize", EMBEDDED, objective, "-o", out, "--steps", 2, "--size", 64, *more)


def photograph(path: Path, mode: str = "RGB", exif: Image.Exif | None = None) -> Path:
    pixels = np.random.default_rng(0).integers(0, 255, (96, 128, 3), dtype=np.uint8)
    Image.fromarray(pixels).convert(mode).save(path, exif=exif or Image.Exif())
    return path


def not_an_image(folder: Path) -> Path:
    path = folder / "text.jpg"
    path.write_text("this is not an image")
    return path


def truncated(folder: Path) -> Path:
    whole = photograph(folder / "whole.jpg")
    path = folder / "truncated.jpg"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    return path


def one_pixel(folder: Path) -> Path:
    Image.new("RGB", (1, 1)).save(folder / "one.png")
    return folder / "one.png"


def huge(folder: Path) -> Path:
    Image.new("1", (20000, 20000)).save(folder / "huge.png")
    return folder / "huge.png"


def missing(folder: Path) -> Path:
    return folder / "missing.png"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (not_an_image, "is not an image"),
        (truncated, "is not an image that can be read whole"),
        (one_pixel, "is 1x1 pixels; the smallest usable side is 8"),
        (huge, "too many pixels; shrink it below 89 megapixels"),
        (missing, "no image at"),
    ],
)
def test_bad_images(innerview: Command, tmp_path: Path, make: Callable[[Path], Path], says: str) -> None:
    image, out = make(tmp_path), tmp_path / "out" / "dream.png"
    status, _, line = innerview(*dream(image, out))
    assert status == 2
    assert says in line
    assert image.name in line
    assert not out.exists()


def test_the_name_of_a_file_steers_no_terminal(innerview: Command, tmp_path: Path) -> None:
    image = not_an_image(tmp_path).rename(tmp_path / "\x1b]0;owned\x07\x1b[31m.jpg")
    status, _, line = innerview(*dream(image, tmp_path / "dream.png"))
    assert status == 2
    assert r"\x1b]0;owned\x07\x1b[31m.jpg is not an image" in line
    assert "\x1b" not in line


def grey_16_bits(folder: Path) -> Path:
    values = np.random.default_rng(0).integers(0, 65535, (96, 128), dtype=np.uint16)
    Image.fromarray(values).save(folder / "deep.png")
    return folder / "deep.png"


def rotated(folder: Path) -> Path:
    turned = Image.Exif()
    turned[0x0112] = 6  # the camera was held upright
    return photograph(folder / "turned.jpg", exif=turned)


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: photograph(folder / "rgba.png", "RGBA"),
        lambda folder: photograph(folder / "grey.png", "L"),
        lambda folder: photograph(folder / "cmyk.jpg", "CMYK"),
        grey_16_bits,
        rotated,
    ],
    ids=["rgba", "grey", "cmyk", "16 bits", "rotated"],
)
def test_unusual_images_work(innerview: Command, tmp_path: Path, make: Callable[[Path], Path]) -> None:
    image, out = make(tmp_path), tmp_path / "dream.png"
    status, told, _ = innerview(*dream(image, out))
    assert status == 0
    assert told.strip() == str(out)
    with Image.open(out) as picture:
        assert picture.size == ((64, 85) if "turned" in image.name else (85, 64))


@pytest.mark.parametrize(
    ("objective", "says"),
    [
        ("channel:blocks.99:0", "has no layer 'blocks.99'; near ones: blocks.9"),
        ("channel:blocks.10:112", "has the channels 0 to 111; 112 is out of range"),
        ("chanel:blocks.10:1", "is not an objective; near ones: channel"),
        ("channel:blocks.10", "is not LAYER:INDEX"),
        ("class:tabby cat dog", "no class is called"),
        ("class:terrier", "is ambiguous: "),
        ("class:1000", "class index 1000 is out of range"),
        ("1e38*layer:blocks.4", "became NaN or infinite at step 0"),
    ],
)
def test_bad_objectives(innerview: Command, tmp_path: Path, objective: str, says: str) -> None:
    status, _, line = innerview(*visualize(objective, tmp_path / "out.png"))
    assert status == 2
    assert says in line


def test_infinite_objective_keeps_the_last_good_image(innerview: Command, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    status, _, line = innerview(*visualize("1e38*layer:blocks.4", out))
    assert status == 2
    assert f"{out} holds the last good image" in line
    with Image.open(out) as picture:
        assert np.asarray(picture).std() > 0


def test_unknown_model(innerview: Command, tmp_path: Path) -> None:
    status, _, line = innerview("visualize", "gogglenet", "channel:a:1", "-o", tmp_path / "out.png")
    assert status == 2
    assert "no model is called 'gogglenet'; near ones: googlenet" in line


@pytest.mark.usefixtures("no_network")
def test_no_network(innerview: Command, tmp_path: Path) -> None:
    status, _, line = innerview("visualize", "googlenet", "channel:inception_4c:1", "-o", tmp_path / "out.png")
    assert status == 2
    assert "bvlc_googlenet" in line
    assert "INNERVIEW_MIRROR" in line
    assert list(tmp_path.rglob("*.bin")) == []


@pytest.mark.usefixtures("no_network")
def test_mirror_that_lacks_a_file(innerview: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mirror").mkdir()
    monkeypatch.setenv("INNERVIEW_MIRROR", str(tmp_path / "mirror"))
    status, _, line = innerview("assets", "fetch", "texture_pebbles")
    assert status == 2
    assert "pebbles.jpg" in line
    assert "mirror" in line


@pytest.mark.usefixtures("no_network")
def test_wrong_hash(innerview: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (file,) = catalog()["texture_pebbles"].files
    lie = tmp_path / "mirror" / file.url.partition("://")[2]
    lie.parent.mkdir(parents=True)
    lie.write_bytes(b"other content")
    monkeypatch.setenv("INNERVIEW_MIRROR", str(tmp_path / "mirror"))
    status, _, line = innerview("assets", "fetch", "texture_pebbles")
    assert status == 2
    assert "pebbles.jpg" in line
    assert file.sha256 in line
    assert list((tmp_path / "cache").rglob("pebbles.jpg")) == []


@pytest.mark.parametrize(
    ("out", "says"),
    [("out.txt", "cannot tell the picture format"), ("taken/out.png", "is a file, not a folder"), (".", "out")],
)
def test_bad_output(innerview: Command, tmp_path: Path, out: str, says: str) -> None:
    (tmp_path / "taken").write_text("a file")
    status, _, line = innerview(*visualize("channel:blocks.4:0", tmp_path / out))
    assert status == 2
    assert says in line


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc, where nobody may write")
def test_folder_that_nobody_may_write_to(innerview: Command) -> None:
    status, _, line = innerview(*visualize("channel:blocks.4:0", Path("/proc/out.png")))
    assert status == 2
    assert "cannot write /proc/out.png" in line


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 16 kB, where this process may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    options = ["-t", "tmpfs", "-o", "size=16k", "tmpfs", str(folder)]
    if mount is None or subprocess.run([mount, *options], capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a small disk")
    yield folder
    subprocess.run([shutil.which("umount") or "umount", str(folder)], check=True)


def test_full_disk(innerview: Command, small_disk: Path) -> None:
    status, _, line = innerview(*visualize("channel:blocks.4:0", small_disk / "out.png", "--size", 128))
    assert status == 2
    assert "No space left on device" in line
    assert list(small_disk.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("replicate",), "name papers, or give --all"),
        (("replicate", "mordvintsev2015"), "near ones: mordvintsev2015_deepdream"),
        (("replicate", "mordvintsev2015_deepdream", "--preset", "boook"), "preset"),
        (("replicate", "mordvintsev2015_deepdream", "--set", "widht=3"), "width"),
        (("replicate", "mordvintsev2015_deepdream", "--device", "tpu"), "unknown device"),
        (("replicate", "mordvintsev2015_deepdream", "--imagenet", "."), "no setting is called 'imagenet'"),
        (("replicate", "selvaraju2017_grad_cam", "--imagenet", "no-folder"), "no-folder is no folder"),
        (("papers", "--root", "/nonexistent"), "replication"),
        (("layers", "nonsense"), "no model is called"),
        (("assets", "fetch", "pebbles"), "texture_pebbles"),
        (("dream", "a.png", "-o", "b.png", "--octaves", "0"), "octaves"),
        (("nonsense",), "nonsense"),
    ],
)
def test_bad_arguments(innerview: Command, arguments: tuple[str, ...], says: str) -> None:
    status, _, line = innerview(*arguments)
    assert status == 2
    assert says in line


def test_ctrl_c_ends_soon_and_a_second_start_continues(tmp_path: Path) -> None:
    image, out = photograph(tmp_path / "photo.png"), tmp_path / "dream.png"
    options = ["--model", EMBEDDED, "--octaves", "2", "--steps", "40", "--size", "192"]
    command = [sys.executable, "-m", "innerview.cli", "dream", str(image), "-o", str(out), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: list(tmp_path.glob(".dream.png.unfinished/octave0-*")), process)
    process.send_signal(signal.SIGINT)
    start = time.monotonic()
    _, told = process.communicate(timeout=30)
    assert time.monotonic() - start < 5  # on a quiet machine within a second
    assert process.returncode == 130
    assert "Traceback" not in told
    assert not out.exists()
    (kept,) = tmp_path.glob(".dream.png.unfinished/octave0-*")
    written = kept.stat().st_mtime_ns
    before = set(tmp_path.glob(".dream.png.unfinished/*"))
    assert before == {kept}
    again = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: list(tmp_path.glob(".dream.png.unfinished/octave1-*")) or out.exists(), again)
    assert not kept.exists() or kept.stat().st_mtime_ns == written  # not dreamt again
    assert again.wait(timeout=60) == 0
    again.communicate()
    assert out.exists()
    assert not list(tmp_path.glob(".dream.png.unfinished"))


def wait_for(condition: Callable[[], object], process: subprocess.Popen[str], seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None or condition(), process.communicate()
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("dissect", "x" * 300, "--layer", "a", "-o", "out"), "is no folder"),
        (("papers", "--root", "x" * 300), "File name too long"),
        (("visualize", EMBEDDED, "layer:blocks.4", "-o", "a.png", "--size", 10**30), "size"),
        (("visualize", EMBEDDED, "layer:blocks.4", "-o", "a.png", "--count", 10**30), "count"),
        (("visualize", EMBEDDED, "layer:blocks.4", "-o", "a.png", "--learning-rate", "1e99"), "a learning rate"),
        (("visualize", EMBEDDED, "layer:blocks.4", "-o", f"{'x' * 300}.png"), "File name too long"),
    ],
)
def test_arguments_of_a_fuzzer(innerview: Command, arguments: tuple[object, ...], says: str) -> None:
    status, _, line = innerview(*arguments)
    assert status == 2
    assert says in line
