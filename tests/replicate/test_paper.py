import dataclasses
from dataclasses import dataclass
from typing import Literal

import pytest

from innerview.core.errors import BadInput
from innerview.replicate import Paper
from innerview.replicate.settings import parse_settings


@dataclass(frozen=True)
class Octaves:
    number: int = 4
    scale: float = 1.4


@dataclass(frozen=True)
class Config:
    steps: int = 10
    rate: float = 1.5
    layers: tuple[str, ...] = ("inception_4c",)
    size: tuple[int, int] = (3, 4)
    jitter: bool = True
    guide: str | None = None
    crop: int | None = None
    pooling: Literal["max", "average"] = "max"
    octaves: Octaves = Octaves()


def make(presets=None) -> Paper:
    told = {"smoke": Config(steps=1), "book": Config(), "paper": Config(steps=100)}
    return Paper("someone2020", "On something", presets or told, embedded=lambda c: c, needs=lambda _: ())


def test_a_paper_is_called_like_its_folder():
    assert make().name == "replicate"


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("steps=20", "steps", 20),
        ("rate=2", "rate", 2.0),
        ("rate=1e-3", "rate", 0.001),
        ("layers=a, b", "layers", ("a", "b")),
        ("layers=a", "layers", ("a",)),
        ("size=(5,6)", "size", (5, 6)),
        ("jitter=false", "jitter", False),
        ("jitter=Yes", "jitter", True),
        ("guide=x=y", "guide", "x=y"),
        ("guide=none", "guide", None),
        ("crop=7", "crop", 7),
        ("pooling=average", "pooling", "average"),
        ("octaves.number=2", "octaves", Octaves(number=2)),
    ],
)
def test_a_setting_is_read_as_the_type_of_its_field(text, field, value):
    config = make().config("book", parse_settings([text]))
    assert getattr(config, field) == value
    assert type(getattr(config, field)) is type(value)
    assert dataclasses.replace(config, **{field: getattr(Config(), field)}) == Config()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"stps": "2"}, "no setting is called 'stps'; near ones: steps"),
        ({"steps": "2.5"}, "'steps' must be a whole number, not '2.5'"),
        ({"steps": 2.5}, "'steps' must be a whole number, not 2.5"),
        ({"steps": True}, "must be a whole number"),
        ({"rate": "fast"}, "'rate' must be a number, not 'fast'"),
        ({"jitter": "maybe"}, "must be true or false"),
        ({"size": "1,2,3"}, "must be 2 values with commas between them"),
        ({"size": "1,b"}, "each a whole number"),
        ({"crop": "x"}, "a whole number or none"),
        ({"pooling": "min"}, "one of max, average"),
        ({"octaves.numbr": "2"}, "no setting is called 'octaves.numbr'; near ones: number"),
        ({"octaves": "2"}, "must be a Octaves, which text cannot give"),
        ({"steps.a": "2"}, "'steps' has no parts"),
    ],
)
def test_a_setting_that_does_not_fit_says_what_would(settings, message):
    with pytest.raises(BadInput, match=message.replace(".", r"\.")):
        make().config("book", settings)


@pytest.mark.parametrize(
    ("pairs", "message"),
    [(["steps"], "write field=value"), (["=2"], "write field=value"), (["a=1", "a=2"], "given twice")],
)
def test_settings_on_the_command_line_are_pairs(pairs, message):
    with pytest.raises(BadInput, match=message):
        parse_settings(pairs)


@dataclass
class Thawed:
    steps: int = 1


@pytest.mark.parametrize(
    ("presets", "message"),
    [
        ({"smoke": Config(), "book": Config()}, "no preset paper"),
        ({"smoke": Config(), "book": Config(), "paper": Config(), "fast": Config()}, "unknown presets fast"),
        ({"smoke": Config(), "book": Config(), "paper": Octaves()}, "all presets are of one class"),
        ({"smoke": Thawed(), "book": Thawed(), "paper": Thawed()}, "a preset is a frozen dataclass, not a Thawed"),
    ],
)
def test_presets_that_cannot_be_are_refused_at_once(presets, message):
    with pytest.raises(BadInput, match=message):
        make(presets)


def test_claims_keep_their_order_and_take_their_statement_from_the_docstring():
    paper = make()

    @paper.claim("second-to-none", source="Sec. 2", at_least=1)
    def more(run) -> float:
        """More
        is more.

        Not this.
        """
        return 2.0

    paper.unmeasured("people", source="Sec. 3", statement="People agree.", reason="needs people", paper=70.0, unit="%")
    assert [claim.id for claim in paper.claims] == ["second-to-none", "people"]
    assert paper.claims[0].statement == "More is more."
    assert paper.claims[1].reason == "needs people"
    with pytest.raises(BadInput, match="two claims 'people'"):
        paper.unmeasured("people", source="Sec. 3", statement="Again.", reason="needs people")
    with pytest.raises(BadInput, match="not measured for no reason"):
        paper.unmeasured("others", source="Sec. 3", statement="Again.", reason="")


def test_a_claim_without_a_statement_is_refused():
    def silent(run) -> bool:
        return True

    with pytest.raises(BadInput, match="says nothing"):
        make().claim("silent", source="Sec. 1")(silent)


def test_a_sweep_maps_panels_to_configurations_and_these_to_what_came_out():
    paper = make()
    assert dict(paper.sweeps) == {}

    def variants(config):
        return {f"{steps} steps": dataclasses.replace(config, steps=steps) for steps in (1, 2)}

    def rates(run, panels):
        return {title: run * config.steps for title, config in panels.items()}

    paper.sweep("steps", variants, rates)
    paper.sweep("again", variants, rates)
    assert list(paper.sweeps) == ["steps", "again"]
    sweep = paper.sweeps["steps"]
    panels = sweep.variants(paper.config("book"))
    assert panels == {"1 steps": Config(steps=1), "2 steps": Config(steps=2)}
    assert sweep.make(10, panels) == {"1 steps": 10, "2 steps": 20}
    assert dict(make().sweeps) == {}


def test_a_sweeps_name_is_its_own_and_the_list_of_sweeps_is_read_only():
    paper = make()
    paper.sweep("steps", lambda config: {"all": config}, lambda _, panels: panels)
    with pytest.raises(BadInput, match="paper 'someone2020' has two sweeps 'steps'; give one another name"):
        paper.sweep("steps", lambda _: {}, lambda _, panels: panels)
    assert list(paper.sweeps["steps"].variants(Config())) == ["all"]
    with pytest.raises(TypeError):
        paper.sweeps["other"] = paper.sweeps["steps"]  # pyright: ignore[reportIndexIssue]
