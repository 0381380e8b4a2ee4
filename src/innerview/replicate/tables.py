"""Tables that read well in a terminal and in a notebook."""

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

Rows = Sequence[Mapping[str, Any]]


class Table:
    """Rows with named columns; printed as text, displayed as HTML.

    Args:
        rows: One mapping for each row.
        columns: Key -> heading, in the order to show.
        title: One line above.
    """

    def __init__(self, rows: Rows, columns: Mapping[str, str], title: str = "") -> None:
        self.rows = [dict(row) for row in rows]
        self.columns = columns
        self.title = title

    def __iter__(self) -> Any:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __str__(self) -> str:
        cells = [list(self.columns.values()), *([shown(row[key]) for key in self.columns] for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = ["  ".join(f"{text:<{width}}" for text, width in zip(row, widths, strict=True)) for row in cells]
        lines.insert(1, "  ".join("-" * width for width in widths))
        return "\n".join(line.rstrip() for line in [*filter(None, [self.title]), *lines])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{html.escape(heading)}</th>" for heading in self.columns.values())
        body = "\n".join(f"<tr>{''.join(self._cell(row, key) for key in self.columns)}</tr>" for row in self.rows)
        caption = f"<caption>{html.escape(self.title)}</caption>" if self.title else ""
        table = f'<table class="innerview-table">{caption}'
        return "\n".join([table, f"<thead><tr>{head}</tr></thead>", "<tbody>", body, "</tbody></table>"])

    @staticmethod
    def _cell(row: Mapping[str, Any], key: str) -> str:
        kind = f' class="verdict-{str(row[key]).replace(" ", "-")}"' if key == "verdict" else ""
        remark = f"<br><small>{_marked(row['note'])}</small>" if key == "statement" and row.get("note") else ""
        return f"<td{kind}>{_marked(shown(row[key]))}{remark}</td>"


def _marked(text: str) -> str:
    """Return text as HTML: escaped, with `code` in its own type."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))


def shown(value: Any) -> str:
    """Return a value as a table shows it: numbers with four digits that count, ``yes`` and ``no``, ``-`` for None."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.4g}" if abs(value) < 10_000 else f"{value:,.0f}"
        case _:
            return str(value)


def scorecard(rows: Rows) -> Table:
    """Return the table of a run's claims, as in ``claims.json``; a claim's note stands below its statement."""
    told = [{**row, "paper": _with_unit(row, "paper"), "measured": _with_unit(row, "measured")} for row in rows]
    columns = {
        "statement": "Claim", "source": "Source", "paper": "Paper", "measured": "Measured", "verdict": "Verdict",
    }  # fmt: skip
    return Table(told, columns)


def _with_unit(row: Mapping[str, Any], key: str) -> str:
    value = shown(row[key])
    slack = f" ± {shown(row['tolerance'])}" if key == "paper" and row[key] is not None and row["tolerance"] else ""
    has_unit = row["unit"] and row[key] is not None and not isinstance(row[key], bool)
    return f"{value}{slack} {row['unit']}" if has_unit else f"{value}{slack}"
