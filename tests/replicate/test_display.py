import io
import sys

import pytest

from innerview.replicate.display import Display, Pace, clock
from innerview.replicate.notebook import Lines
from innerview.replicate.tables import Table, scorecard


def test_the_time_left_is_what_the_papers_took_last_time():
    pace = Pace({"a": 100.0, "b": 50.0}, {"a": 4, "b": 2})
    assert pace.left("a", 30, 1) == 120
    assert pace.left("b", 10, 0) == 140, "a waits"
    pace.ended["a"] = 90
    assert pace.left("b", 10, 0) == 40


def test_without_an_earlier_run_the_cells_tell_and_nothing_tells_of_papers_that_wait():
    assert Pace({"a": None}, {"a": 4}).left("a", 30, 1) == 90
    assert Pace({"a": None}, {"a": 4}).left("a", 30, 0) is None
    assert Pace({"a": None, "b": None}, {"a": 4, "b": 4}).left("a", 30, 1) is None
    assert Pace({"a": 20.0}, {"a": 4}).left("a", 30, 2) == 30, "it takes longer than last time"
    assert Pace({"a": 20.0}, {"a": 4}).left("a", 3, 4) == 0


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (185, "3 min 5 s"), (4800, "1 h 20 min")]
)
def test_times_are_read_by_people(seconds, said):
    assert clock(seconds) == said


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("screen", [Terminal(), io.StringIO()])
def test_the_display_shows_paper_cells_time_and_the_notebooks_own_bar(screen, monkeypatch):
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr("innerview.replicate.display.EVERY", 0.01)
    monkeypatch.setattr("innerview.replicate.display.EVERY_IN_LOG", 0.01)
    with Display(Pace({"a": 100.0, "b": None}, {"a": 2, "b": 2})) as display:
        display.begin("a")
        display.cell_done()
        display.end()
        display.begin("b")
        display.announce()
        display.note("octaves:  50%")
        display.cell_done()
        display.note("octaves:  75%")
        display._refresh()
        display.say("b: done")
    said = screen.getvalue()
    assert "b: done" in said
    if screen.isatty():
        assert "2/2 b " in said
        assert "3/4 cells, 0 s gone, about 0 s left; octaves:  75%" in said
    else:
        assert "b (paper 2 of 2): 0 of 2 cells, 0 s gone, time left unknown\n" in said


def test_a_quiet_display_says_nothing(capsys):
    with Display(Pace({"a": None}, {"a": 2}), show=False) as display:
        display.begin("a")
        display.say("line")
        display.end()
    assert capsys.readouterr() == ("", "")


def test_lines_are_handed_on_and_so_is_that_a_bar_was_wiped_off():
    lines = []
    file = Lines(lines.append)
    file.write("a\n\n  \rb: 1%\rb: 2%\n")
    file.write("\r       \r")
    assert lines == ["a", "b: 1%", "b: 2%", ""]


def test_a_table_is_aligned_as_text_and_escaped_as_html():
    table = Table([{"a": "<x>", "b": 1.23456}, {"a": "y", "b": None}, {"a": "z", "b": True}], {"a": "Name", "b": "B"})
    assert str(table) == "Name  B\n----  -----\n<x>   1.235\ny     -\nz     yes"
    assert "<td>&lt;x&gt;</td>" in table._repr_html_()
    claim = dict.fromkeys(("statement", "source", "paper", "measured", "tolerance", "unit", "note"), "")
    assert 'class="verdict-not-reproduced"' in scorecard([claim | {"verdict": "not reproduced"}])._repr_html_()
