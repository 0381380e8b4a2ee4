"""A run: what a paper's notebook and its claims work with."""

import dataclasses
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from innerview.assets import AssetUnavailable, catalog, fetch
from innerview.core.allocator import keep_freed_memory
from innerview.core.devices import choose_device
from innerview.core.errors import BadInput
from innerview.core.files import check_writable, write_json
from innerview.core.progress import progress
from innerview.core.store import Store, fingerprint
from innerview.models import load_model
from innerview.replicate.embedding import Page
from innerview.replicate.machine import machine, peak_memory_mb, versions
from innerview.replicate.paper import Paper
from innerview.replicate.parts import Parts, Tensors
from innerview.replicate.pictures import Picture, picture_path, write_frames, write_picture
from innerview.replicate.sources import function_digest
from innerview.replicate.tables import Table, scorecard

MISSING = "INNERVIEW_MISSING"
"""Set by the runner for its kernel: what cannot be had, so that the kernel does not ask the network again."""

EMBEDDED = "this run uses the embedded model EfficientNet-Lite0 and the photographs of scikit-image"


def obtain(paper: Paper, config: Any, *, show: bool = False) -> str | None:
    """Bring all assets that a configuration needs; return why that is not possible, or None.

    Raises:
        WrongHash: a file is not the published one; never a reason to take another model.
        TermsNotAccepted: photographs whose terms nobody accepted.
    """
    if os.environ.get(MISSING):
        return os.environ[MISSING]
    try:
        for name in paper.needs(config):
            fetch(name, progress=show)
    except AssetUnavailable as error:
        return str(error)
    return None


def asset_hashes(names: Sequence[str]) -> dict[str, str]:
    """Return for each asset the SHA-256 of its file, or 16 digits that stand for the hashes of all its files."""
    listed = {name: [file.sha256 for file in catalog()[name].files] for name in names}
    return {name: hashes[0] if len(hashes) == 1 else fingerprint(hashes) for name, hashes in listed.items()}


@dataclasses.dataclass(eq=False)
class Run:
    """One execution of a paper in one configuration; made by `Run.start`."""

    paper: Paper
    preset: str
    config: Any
    folder: Path
    """Where the results of this paper go."""
    device: torch.device
    seed: int
    fallback: bool
    """Whether the paper's assets could not be had and the embedded model stands in."""
    assets: dict[str, str]
    """Hash of each asset that the configuration needs."""

    def __post_init__(self) -> None:
        self._parts = Parts(self.folder / "parts")
        self._models: dict[str, nn.Module] = {}
        self._start = time.perf_counter()
        self._figures: list[str] = []
        self._pages: list[str] = []

    @classmethod
    def start(
        cls,
        paper: Paper,
        preset: str = "book",
        out: str | Path = "results/book",
        settings: Mapping[str, Any] | None = None,
        device: str = "auto",
        seed: int = 0,
    ) -> "Run":
        """Begin a run: check what was asked for, and decide which model and photographs it can use.

        Args:
            paper: The paper.
            preset: ``smoke``, ``book``, ``paper``, ``released``.
            out: Folder in which the paper's folder of results lies.
            settings: Field of the configuration -> another value.
            device: ``auto``, ``cpu``, ``cuda``, ``mps``.
            seed: Of everything random in the run.

        Raises:
            BadInput: no such preset, setting or device.
            OutputError: the folder cannot be written to.
        """
        keep_freed_memory()
        config = paper.config(preset, settings)
        folder = Path(out) / paper.name
        chosen = choose_device(device)
        check_writable(folder / "run.json")
        missing = obtain(paper, config)
        if missing:
            print(f"{missing}; {EMBEDDED}")
            config = paper.embedded(config)
        hashes = asset_hashes([] if missing else paper.needs(config))
        return cls(paper, preset, config, folder, chosen, seed, fallback=bool(missing), assets=hashes)

    @property
    def store(self) -> Store:
        """Where the parts lie."""
        return self._parts.store

    def model(self, name: str, **options: Any) -> nn.Module:
        """Return a model of the registry on the run's device, loaded once; see `innerview.load_model`."""
        key = " ".join([name, *(f"{option}={value}" for option, value in sorted(options.items()))])
        if key not in self._models:
            self._models[key] = load_model(name, **options).to(self.device)
        return self._models[key]

    def part(self, name: str, compute: Callable[[], Tensors], *made_from: Any) -> dict[str, Tensor]:
        """Return a result that is computed once and found again by later runs, also after this one was killed.

        It is computed anew when `made_from`, the seed, the device, torch, an asset, or the code of `compute` (its
        module and what that imports) has changed.

        Args:
            name: For people: the begin of the file's name and the entry in ``run.json``.
            compute: Gives the tensors by name; called only where they are not there yet.
            made_from: The fields of the configuration that the result depends on; by default all.

        Returns:
            The tensors, on the processor.
        """
        code = function_digest(compute, self.paper.shelf)
        told = (code, self.seed, self.device.type, str(torch.__version__), self.fallback, self.assets)
        return self._parts.keep(name, compute, *told, *(made_from or (self.config,)))

    def show(self, figure: Any, name: str, width: int | None = None) -> Picture:
        """Write a figure as ``figures/NAME.png`` and display that file.

        Args:
            figure: A matplotlib figure, images ``(b, 3, h, w)``, an RGB array, or the bytes of a PNG file.
            name: Of letters, digits, - and _.
            width: On the page, in CSS pixels; by default half of the file's, so that it is sharp on dense screens.

        Raises:
            BadInput: another kind of thing, or a name that makes no file.
            OutputError: the file cannot be written.
        """
        path = picture_path(self.folder / "figures", name)
        write_picture(path, figure)
        return self._shown(path, width)

    def write_animation(
        self, frames: Any, name: str, *, alt: str = "", seconds_per_frame: float = 0.1, width: int | None = None
    ) -> Picture:
        """Write frames as ``figures/NAME.webp`` (or .gif, if the name ends so) and display that file.

        Args:
            frames: Images ``(b, 3, h, w)``, or RGB arrays ``(h, w, 3)``.
            name: As for `show`.
            alt: What the animation shows, for those who do not see it.
            seconds_per_frame: How long each is seen.
            width: As for `show`.

        Raises:
            BadInput: no frames, or a name that makes no file.
            OutputError: the file cannot be written.
        """
        path = picture_path(self.folder / "figures", name, (".webp", ".gif"))
        write_frames(path, frames, seconds_per_frame)
        return self._shown(path, width, alt)

    def show_page(self, name: str, write: Callable[[Path], Any], *, title: str, height: int = 640) -> Page:
        """Write a page of its own, such as an explorer, and display it in a frame.

        Args:
            name: Of its folder among the results; letters, digits, - and _.
            write: Called with the folder, where it leaves ``index.html`` and all that this needs.
            title: What the page shows, for those who do not see it.
            height: Of the frame in CSS pixels.

        Raises:
            BadInput: a name that makes no folder.
            OutputError: the folder cannot be written.
        """
        if not re.fullmatch(r"[A-Za-z0-9_-]+", name) or name in ("figures", "parts"):
            raise BadInput(f"a page cannot lie in {name!r}; use letters, digits, - and _, and not figures or parts")
        write(self.folder / name)
        if name not in self._pages:
            self._pages.append(name)
        return Page(self.folder / name, title, height)

    def _shown(self, path: Path, width: int | None, alt: str = "") -> Picture:
        if path.name not in self._figures:
            self._figures.append(path.name)
        return Picture(path, width, alt)

    def measure(self) -> Table:
        """Measure all claims, write ``claims.json`` and ``run.json``, and return the scorecard to display."""
        rows = [claim.row(self) for claim in progress(self.paper.claims, "claims", unit="claim")]
        write_json(self.folder / "claims.json", rows)
        self.finish()
        return scorecard(rows)

    def finish(self) -> None:
        """Write ``run.json``: how these results came about. `measure` does it; once more after later work."""
        seconds = time.perf_counter() - self._start
        told = {
            "paper": self.paper.name,
            "preset": self.preset,
            "config": _plain(dataclasses.asdict(self.config)),
            "models": {name: fingerprint(model) for name, model in self._models.items()},
            "assets": self.assets,
            "versions": versions(),
            "device": str(self.device),
            "threads": torch.get_num_threads(),
            "machine": machine(self.device),
            "seed": self.seed,
            "fallback": self.fallback,
            "seconds": round(seconds + self._parts.seconds_resumed(), 1),
            "seconds_resumed": self._parts.seconds_resumed(),
            "seconds_per_part": self._parts.seconds(),
            "peak_mib": peak_memory_mb(self.device),
            "figures": self._figures,
            "pages": self._pages,
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        write_json(self.folder / "run.json", told)


def _plain(value: Any) -> Any:
    """Return what JSON can hold; anything else as text."""
    match value:
        case dict():
            return {str(key): _plain(entry) for key, entry in value.items()}
        case list() | tuple():
            return [_plain(entry) for entry in value]
        case None | bool() | int() | str():
            return value
        case float() if abs(value) < float("inf"):
            return value
        case _:
            return str(value)
