"""An explorer of known colours and numbers, and a reader who sees what its page shows."""

import io
from urllib.parse import parse_qs, urlsplit

import numpy as np
import torch
from atlas.sheets import level
from PIL import Image
from playwright.sync_api import Page, expect

from innerview.atlas.atlas import Level

LABELS = ["ant", "bee", "cat", "dog", "sea bee", "fox"]
ICON = 128
DESKTOP = {"width": 1000, "height": 700}
PHONE = {"width": 390, "height": 844}
LOCAL = ("file:", "data:", "blob:")
FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
SETTLED = """() => {
  const { map, level, sheet, link } = explorer;
  const view = Object.entries(explorer.written()).filter(([, value]) => value !== null);
  return map.item.getFullyLoaded() && !map.viewer.isAnimating() && map.viewer.world.getItemCount() === 1
    && level.sheet === sheet && level.density === map.densityOf(sheet) && link.text === `#${new URLSearchParams(view)}`;
}"""
WHOLE = "#x=0.5&y=0.5&zoom=0.95"
CLOSE = 6  # of 255 levels: JPEG and the screen's rounding
FAINTEST = 0.08
TIMES, DASH = "\N{MULTIPLICATION SIGN}", "\N{EN DASH}"


def cells(density: int) -> list[tuple[int, int]]:
    """All places but the first one and, of the denser grid, another in its midst."""
    places = [(row, column) for row in range(density) for column in range(density)][1:]
    return [place for place in places if density == 4 or place != (5, 5)]


def color(row: int, column: int, density: int, blue: float = 0.3) -> list[float]:
    return [0.1 + 0.8 * row / density, 0.1 + 0.8 * column / density, blue]


def made(density: int, *, blue: float = 0.3, bee: float = 1.0) -> Level:
    """Fill a grid: ant grows to the right, bee downwards, cat is everywhere alike, the others below zero."""
    places = torch.tensor(cells(density), dtype=torch.float32)
    steps = places / (density - 1)
    flat = torch.full((len(places),), 0.01)
    attributions = torch.stack([2 * steps[:, 1], bee * steps[:, 0], flat, flat - 1, flat - 2, flat - 3], dim=1)
    colors = torch.tensor([color(row, column, density, blue) for row, column in cells(density)])
    return level(cells(density), density, colors, attributions, ICON)


class Reader:
    """A page and what a reader sees of it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        self.outside: list[str] = []
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda asked: None if asked.url.startswith(LOCAL) else self.outside.append(asked.url))

    def open(self, address: str) -> "Reader":
        self.page.goto(address)
        expect(self.page.locator("#map.ready")).to_be_attached()
        self.settle()
        return self

    def settle(self) -> None:
        """Wait until tiles and numbers have come, nothing moves, and the address says what is seen."""
        self.page.evaluate(FRAMES)
        self.page.wait_for_function(SETTLED)
        self.page.evaluate(FRAMES)

    def view(self) -> dict[str, str]:
        return {name: value[0] for name, value in parse_qs(urlsplit(self.page.url).fragment).items()}

    def place(self, row: int, column: int, density: int) -> tuple[float, float]:
        """Where a cell's centre is on the screen, by what the address says."""
        box, view = self.page.locator("#map").bounding_box(), self.view()
        assert box is not None
        side = min(box["width"], box["height"]) * float(view["zoom"])
        x, y = ((column + 0.5) / density - float(view["x"])) * side, ((row + 0.5) / density - float(view["y"])) * side
        return box["x"] + box["width"] / 2 + x, box["y"] + box["height"] / 2 + y

    def pixels(self) -> np.ndarray:
        return np.asarray(Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")).astype(float)

    def seen(self, places: list[tuple[int, int]], density: int) -> np.ndarray:
        """The colours of cells, a little beside their centres."""
        pixels = self.pixels()
        points = [self.place(row, column, density) for row, column in places]
        return np.array([pixels[round(y) + 9, round(x) + 9] for x, y in points])

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
        self.settle()

    def table(self, name: str) -> list[list[str]]:
        rows = self.page.locator(f"#{name} tr").all()
        return [row.locator("th button, td").all_inner_texts() for row in rows]

    def density(self) -> int:
        """Cells along a side, by what the page says."""
        return int(self.text("#status").split()[0])

    def text(self, selector: str) -> str:
        return self.page.locator(selector).inner_text()
