"""Pages inside a page: a folder with an ``index.html`` of its own, such as an explorer, shown in a notebook."""

import html
from pathlib import Path
from typing import Any
from urllib.parse import quote


class Page:
    """A folder with a page, which a notebook shows in a frame.

    The frame names the folder relative to the notebook's; the book copies the folder and names it there.

    Args:
        folder: Holds ``index.html`` and all that it needs.
        title: What the page shows, for those who do not see it.
        height: Of the frame in CSS pixels.
    """

    def __init__(self, folder: Path, title: str, height: int) -> None:
        self.folder, self.title, self.height = folder, title, height

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        del include, exclude
        name, place, title = map(html.escape, (self.folder.name, quote(self.folder.name), self.title))
        frame = (
            f'<iframe class="innerview-page" data-page="{name}" src="{place}/index.html" title="{title}" '
            f'style="width: 100%; height: {self.height}px; border: 1px solid #8886" allow="clipboard-write" '
            'loading="lazy"></iframe>'
        )
        return {"text/plain": repr(self), "text/html": frame}

    def __repr__(self) -> str:
        return f"{self.title}: {self.folder.name}/index.html"
