"""Restoring a submission: the released notebook with the student's answers in it, whatever became of the rest."""

import copy
import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbformat import NotebookNode
else:
    NotebookNode = Any

FRONT = ""
"""Stands for the place before the first released cell."""


def restored(submission: dict[str, Any], released: NotebookNode) -> tuple[NotebookNode, list[str]]:
    """Put a student's answers into the released notebook.

    Cells that were deleted, changed or moved are the released ones again, in their order, for the released kernel.
    Cells that the student added stand behind the cell that they stood behind. An answer whose cell lost its metadata
    is found by what it defines.

    Args:
        submission: As `innerview.course.submissions.read_submission` returns it.
        released: As students got it.

    Returns:
        The notebook to grade, and what was restored, for the report.
    """
    from nbformat.v4 import new_code_cell, new_markdown_cell  # noqa: PLC0415

    notebook = copy.deepcopy(released)
    known = {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells}
    mine, added = _sorted_cells(submission, set(known))
    remarks = _remarks(mine, known, submission)
    for name, cell in known.items():
        if cell.metadata.nbgrader.solution:
            cell.source = _answer(name, cell, mine, added, remarks)
    if any(added.values()):
        remarks.append(f"cells were added: {sum(map(len, added.values()))}")
    cells: list[Any] = []
    for name in (FRONT, *known):
        cells += [known[name]] if name in known else []
        for number, (kind, source) in enumerate(added[name]):
            make = new_code_cell if kind == "code" else new_markdown_cell
            cells.append(make(source, id=f"added-{len(cells)}-{number}"))
    notebook.cells = cells
    return notebook, remarks


def _sorted_cells(
    submission: dict[str, Any], known: set[str]
) -> tuple[dict[str, list[str]], dict[str, list[tuple[str, str]]]]:
    """Return the sources of released cells by their names, and the cells added behind each."""
    mine: dict[str, list[str]] = defaultdict(list)
    added: dict[str, list[tuple[str, str]]] = defaultdict(list)
    behind = FRONT
    for cell in submission["cells"]:
        if cell["id"] in known:
            behind = cell["id"]
            mine[behind].append(cell["source"])
        elif cell["source"].strip():
            added[behind].append((cell["type"], cell["source"]))
    return mine, added


def _answer(
    name: str,
    cell: NotebookNode,
    mine: dict[str, list[str]],
    added: dict[str, list[tuple[str, str]]],
    remarks: list[str],
) -> str:
    if mine[name]:
        return mine[name][0]
    defines = re.compile(rf"^(?:def +{re.escape(name)}\b|{re.escape(name)} *=)", re.MULTILINE)
    for cells in added.values():
        for entry in cells:
            if entry[0] == "code" and defines.search(entry[1]):
                cells.remove(entry)
                remarks.append(f"the answer cell {name} had lost its mark; it was found by its name")
                return entry[1]
    remarks.append(f"the answer cell {name} is missing")
    return cell.source


def _remarks(mine: dict[str, list[str]], known: dict[str, Any], submission: dict[str, Any]) -> list[str]:
    locked = [name for name, cell in known.items() if not cell.metadata.nbgrader.solution]
    lost = [name for name in locked if name not in mine]
    changed = [name for name in locked if name in mine and mine[name][0].strip() != known[name].source.strip()]
    twice = [name for name in known if len(mine.get(name, [])) > 1]
    order = [cell["id"] for cell in submission["cells"] if cell["id"] in known]
    kernel = submission["metadata"].get("kernelspec")
    language = kernel.get("language", "python") if isinstance(kernel, dict) else "python"
    said = {
        "cells were missing and restored": lost,
        "cells were changed and restored": changed,
        "cells were there twice, the first counts": twice,
    }
    remarks = [f"{what}: {', '.join(names)}" for what, names in said.items() if names]
    if list(dict.fromkeys(order)) != [name for name in known if name in order]:
        remarks.append("cells were in another order and put back")
    if language != "python":
        remarks.append(f"the notebook was set to a kernel for {str(language)[:30]}; it was graded with Python")
    return remarks
