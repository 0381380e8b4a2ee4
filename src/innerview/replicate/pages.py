"""The generated parts of the book's pages, as Markdown. All that comes from data is escaped."""

import json
import pkgutil
import re
import string
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from innerview.assets import Asset
from innerview.models import MODELS, ModelEntry
from innerview.replicate.display import clock
from innerview.replicate.exhibits import Exhibit, PictureOfNotebook
from innerview.replicate.tables import shown

BADGES = {"reproduced": "success", "partly": "warning", "not reproduced": "danger", "not measured": "muted"}
"""Verdict -> colour of its badge."""

SMOKE = "The `smoke` preset checks that everything runs. Its sizes are tiny; its pictures and numbers are not results."
EMBEDDED = (
    "The weights of the paper's network could not be had. This run used EfficientNet-Lite0, whose weights come inside "
    "a package, and photographs of scikit-image. It measures no claim that carries a number of the paper."
)
SETS = {"imagenette160_boxes": "Error on validation photographs", "imagenet_sample": "Error on training photographs"}
"""Asset -> heading of the column of errors measured on it."""

NONE = r"\-"
"""Stands where there is no value."""

MODULES = re.compile(r"^% modules: (\S+)$", re.MULTILINE)
"""Line of a page under ``api/`` that stands for the modules of a room."""


KEPT = re.compile(r"(`[^`]+`|\$(?:(?!\\href)[^$])+\$)")
"""Code and mathematics in a sentence; a formula that is a link might run a script."""


def escaped(text: str) -> str:
    """Return Markdown that shows `text` as it is, on one line."""
    return "".join(f"\\{sign}" if sign in string.punctuation else sign for sign in " ".join(text.split()))


def prose(text: str) -> str:
    """Return a sentence of a docstring as Markdown: `code` and $mathematics$ are kept, the rest is escaped."""
    parts = KEPT.split(" ".join(text.split()))
    return "".join(part if index % 2 else _escaped_part(part) for index, part in enumerate(parts))


def _escaped_part(text: str) -> str:
    """Escape a part of a sentence and keep the spaces at its ends."""
    core = text.strip()
    return text if not core else text.replace(core, escaped(core))


def claims_part(exhibits: Sequence[Exhibit], preset: str) -> str:
    """Return the scorecard: the count of verdicts, then the claims of each paper."""
    counts = Counter(claim["verdict"] for exhibit in exhibits for claim in exhibit.claims)
    rows = [[_badge(verdict), str(counts[verdict])] for verdict in BADGES]
    summary = table(["Verdict", "Claims"], [*rows, ["All", str(counts.total())]], [75, 25], "counts")
    papers = "\n\n".join(_claims_of(exhibit, preset) for exhibit in exhibits)
    return f"{_warnings(exhibits, preset)}{summary}\n\n{papers}\n"


def _warnings(exhibits: Sequence[Exhibit], preset: str) -> str:
    missing = [exhibit for exhibit in exhibits if exhibit.origin != "run"]
    warning = admonition("warning", SMOKE) if preset == "smoke" else ""
    names = ", ".join(f"{{doc}}`{escaped(exhibit.title)} </{exhibit.page}>`" for exhibit in missing)
    return warning + (admonition("note", f"Not run yet with the `{preset}` preset: {names}.") if missing else "")


def _claims_of(exhibit: Exhibit, preset: str) -> str:
    title = f"(claims-{exhibit.name})=\n## {{doc}}`{escaped(exhibit.title)} </{exhibit.page}>`"
    return "\n\n".join([title, origin(exhibit, preset), claims_table(exhibit.claims)])


def origin(exhibit: Exhibit, preset: str) -> str:
    """Say in one paragraph where the claims of a paper come from."""
    run = f"`innerview replicate {exhibit.name} --preset {preset}`"
    match exhibit.origin:
        case "run":
            extra = f" {EMBEDDED}" if exhibit.told.get("fallback") else ""
            return f"Measured with the {made_how(exhibit.told)}.{extra}"
        case "reference":
            numbers = f"These are the numbers of our last full run, with the {made_how(exhibit.told)}."
            return f"Not run yet with the `{preset}` preset; {run} runs it. {numbers}"
        case _:
            return f"Not run yet; {run} runs it."


def made_how(told: Mapping[str, Any]) -> str:
    """Return preset, machine, date and duration of a run, from ``run.json`` or ``reference.json``."""
    return f"`{told['preset']}` preset on {place_of(told['machine'])}, {told['date'][:10]}, in {clock(told['seconds'])}"


def place_of(machine: Mapping[str, Any]) -> str:
    """Return a machine's accelerator or processor, and its cores."""
    cores = f"{machine['cores']} cores" if machine.get("cores") else ""
    return escaped(", ".join(filter(None, [str(machine.get("gpu") or machine["cpu"]), cores])))


def claims_table(claims: Iterable[Mapping[str, Any]]) -> str:
    """Return claims as a table: statement with the note below it, source, the paper's value, ours, verdict."""
    return table(
        ["Claim", "Source", "Paper", "Measured", "Verdict"], map(_claim, claims), [44, 17, 12, 13, 14], "claims"
    )


def _claim(claim: Mapping[str, Any]) -> list[str]:
    statement, note = prose(claim["statement"]), prose(claim.get("note") or "")
    told = f"{statement}\n\n    {note}" if note else statement
    return [told, prose(claim["source"]), _value(claim, "paper"), _value(claim, "measured"), _badge(claim["verdict"])]


def _value(claim: Mapping[str, Any], key: str) -> str:
    value = claim.get(key)
    if value is None:
        return NONE
    slack = f" ± {shown(claim['tolerance'])}" if key == "paper" and claim.get("tolerance") is not None else ""
    unit = "" if isinstance(value, bool) or claim.get("unit") in (None, "1") else claim["unit"]
    return escaped(f"{shown(value)}{slack} {unit}")


def _badge(verdict: str) -> str:
    return f"{{bdg-{BADGES[verdict]}}}`{verdict}`" if verdict in BADGES else escaped(verdict)


def table(head: Sequence[str], rows: Iterable[Sequence[str]], widths: Sequence[int], kind: str) -> str:
    """Return a table of Markdown cells; a cell may have paragraphs, indented by four."""
    items = ["* - " + "\n  - ".join(cell or NONE for cell in row) for row in [head, *rows]]
    options = [":header-rows: 1", f":widths: {' '.join(map(str, widths))}", f":class: {kind}"]
    return "\n".join(["````{list-table}", *options, "", *items, "````"])


def admonition(kind: str, text: str) -> str:
    """Return a box of a kind that MyST knows, such as ``note`` or ``warning``."""
    return f":::{{{kind}}}\n{text}\n:::\n\n"


def facts(exhibit: Exhibit, preset: str) -> str:
    """Return what stands below the title of a replication: download, how it was made, its claims."""
    download = f"{{download}}`Download the notebook <../notebooks/{exhibit.name}.ipynb>`"
    made = made_how(exhibit.told)
    line = f":::{{div}} facts\n{download} · [Its claims](#claims-{exhibit.name}) · {made}\n:::\n\n"
    smoke = admonition("warning", SMOKE) if preset == "smoke" else ""
    embedded = admonition("warning", EMBEDDED) if exhibit.told.get("fallback") else ""
    return line + smoke + embedded


def not_run_page(exhibit: Exhibit, preset: str) -> str:
    """Return the page of a replication that was not run."""
    build = f"innerview replicate {exhibit.name} --preset {preset}\ninnerview book build --preset {preset}"
    return (
        f"# {prose(exhibit.title)}\n\n"
        + admonition("note", f"This replication has not been run with the `{preset}` preset.")
        + f"These commands run it and show it here:\n\n```shell\n{build}\n```\n\n## Claims\n\n"
        + f"{origin(exhibit, preset)}\n\n{claims_table(exhibit.claims)}\n"
    )


def gallery_part(shown_papers: Sequence[tuple[Exhibit, PictureOfNotebook | None, str]]) -> str:
    """Return a grid: for each paper or method its card, with the picture that lies at the given place."""
    if not shown_papers:
        return "There are none here.\n"
    cards = "\n\n".join(_card(exhibit, picture, place) for exhibit, picture, place in shown_papers)
    return f"`````{{grid}} 1 2 2 2\n:gutter: 3\n:class-container: gallery\n\n{cards}\n`````\n"


def _card(exhibit: Exhibit, picture: PictureOfNotebook | None, place: str) -> str:
    options = [f":link: /{exhibit.page}", ":link-type: doc"]
    text = "Not run yet."
    if picture is not None:
        options += [f":img-top: {place}", f":img-alt: {json.dumps(picture.alt, ensure_ascii=False)}"]
        text = prose(picture.caption)
    elif exhibit.origin == "run":
        text = ""
    title = f"````{{grid-item-card}} {prose(exhibit.title)}"
    return "\n".join([title, *options, "", text, "````"])


def models_part(told: Mapping[str, Any]) -> str:
    """Return the table of our networks with their measured errors, from what ``tools/measure_models.py`` wrote."""
    head = ["Name", "Network", "Layer of middle depth", *(SETS.get(name, escaped(name)) for name in told["sets"])]
    rows = [_model(entry, told) for entry in MODELS.values()]
    widths = [22, 30, 20, *([28 // len(told["sets"])] * len(told["sets"]))]
    made = f"Measured on {place_of(told['machine'])}, {told['date']}." if told["errors"] else "Not measured yet."
    return f"{table(head, rows, widths, 'models')}\n\nErrors are top-1 / top-5, in %. {made}\n"


def _model(entry: ModelEntry, told: Mapping[str, Any]) -> list[str]:
    measured = told["errors"].get(entry.name, {})
    errors = [_errors(measured.get(name), entry.classes) for name in told["sets"]]
    return [f"`{entry.name}`", f"{prose(entry.title)} {{cite}}`{entry.citation}`", f"`{entry.layer}`", *errors]


def _errors(error: Mapping[str, float] | None, classes: int | None) -> str:
    if classes is None:
        return "no classes"
    return NONE if error is None else escaped(f"{error['top1']:.1f} / {error['top5']:.1f}")


def assets_part(assets: Iterable[Asset]) -> str:
    """Return the table of weights and photographs with their licenses."""
    head = ["Name", "What it is", "Files", "MB", "License"]
    rows = [
        [f"`{one.name}`", f"{prose(one.title)} {{cite}}`{one.citation}`", str(len(one.files)), f"{one.bytes / 1e6:.1f}",
         prose(one.license)]
        for one in assets
    ]  # fmt: skip
    return table(head, rows, [22, 36, 8, 8, 26], "assets") + "\n"


def with_modules(page: str) -> str:
    """Replace the line ``% modules: PACKAGE`` of a page by the documentation of the package's public modules."""
    return MODULES.sub(lambda found: "\n\n".join(_module(name) for name in public_modules(found[1])), page)


def public_modules(package: str) -> list[str]:
    """Return the full names of a package's modules that do not begin with an underscore."""
    spec = find_spec(package)
    places = spec.submodule_search_locations if spec else None
    return [f"{package}.{module.name}" for module in pkgutil.iter_modules(places or []) if module.name[0] != "_"]


def _module(name: str) -> str:
    directive = f".. automodule:: {name}\n   :members:"
    return f"## {name.partition('.')[2]}\n\n```{{eval-rst}}\n{directive}\n```"
