from types import SimpleNamespace

import numpy as np
import pytest
import torch

from innerview.core.errors import BadInput
from innerview.replicate.claims import Claim, Measurement

ON_PAPERS_MODEL = SimpleNamespace(fallback=False)
ON_EMBEDDED = SimpleNamespace(fallback=True)


def claim(measured: object = 0.0, **told) -> Claim:
    return Claim("it", source="Table 1", statement="It is so.", measure=lambda _: measured, **told)


@pytest.mark.parametrize(
    ("measured", "verdict"),
    [
        (60.09, "reproduced"),
        (64.09, "reproduced"),  # 64.09 - 60.09 is 4.0000000000000071 in binary
        (56.09, "reproduced"),
        (64.0901, "partly"),
        (68.09, "partly"),
        (52.09, "partly"),
        (68.0901, "not reproduced"),
        (52.0899, "not reproduced"),
    ],
)
def test_a_number_of_the_paper_is_reproduced_within_the_tolerance_and_partly_within_twice(measured, verdict):
    assert claim(paper=60.09, tolerance=4.0).verdict(measured) == verdict


@pytest.mark.parametrize(
    ("threshold", "measured", "verdict"),
    [
        ({"at_least": 0.3}, 0.3, "reproduced"),
        ({"at_least": 0.3}, 0.1 + 0.2 - 1e-16, "reproduced"),
        ({"at_least": 0.3}, 7, "reproduced"),
        ({"at_least": 0.3}, 0.299, "not reproduced"),
        ({"at_least": 0.3, "tolerance": 0.1}, 0.2, "partly"),
        ({"at_least": 0.3, "tolerance": 0.1}, 0.19, "not reproduced"),
        ({"at_most": -1}, -1, "reproduced"),
        ({"at_most": -1, "tolerance": 1}, 0, "partly"),
        ({"at_most": -1, "tolerance": 1}, 0.01, "not reproduced"),
        ({"at_least": 1, "at_most": 2, "tolerance": 0.5}, 1.5, "reproduced"),
        ({"at_least": 1, "at_most": 2, "tolerance": 0.5}, 2.5, "partly"),
        ({"at_least": 1, "at_most": 2, "tolerance": 0.5}, 0.4, "not reproduced"),
    ],
)
def test_a_threshold_is_met_or_missed_by_at_most_the_tolerance(threshold, measured, verdict):
    assert claim(**threshold).verdict(measured) == verdict


def yes(run) -> bool:
    return True


def test_what_is_true_is_reproduced_and_what_is_false_is_not():
    boolean = Claim("it", "Sec. 1", "It is so.", yes)
    assert boolean.verdict(True) == "reproduced"
    assert boolean.verdict(False) == "not reproduced"


@pytest.mark.parametrize("nothing", [None, float("nan"), float("inf"), torch.tensor(float("nan"))])
def test_what_gave_no_finite_number_is_not_measured_and_says_why(nothing):
    row = claim(nothing, at_least=1, unit="%").row(ON_PAPERS_MODEL)
    assert (row["measured"], row["verdict"]) == (None, "not measured")
    assert row["note"].startswith("threshold: at least 1 %; ")
    assert "measure" in row["note"].partition("; ")[2]


@pytest.mark.parametrize(
    "scalar", [0.5, np.float32(0.5), np.float64(0.5), torch.tensor(0.5), Measurement(torch.tensor(0.5))]
)
def test_scalars_of_any_library_become_numbers(scalar):
    measured = claim(scalar, paper=0.5, tolerance=0).row(ON_PAPERS_MODEL)["measured"]
    assert (type(measured), measured) == (float, 0.5)


def test_the_remark_of_a_measurement_is_kept():
    assert (
        claim(Measurement(2, note="three seeds"), at_most=3).row(ON_PAPERS_MODEL)["note"]
        == "threshold: at most 3; three seeds"
    )


def test_the_embedded_model_measures_no_number_of_the_paper():
    row = claim(60.0, paper=60.09, tolerance=4.0).row(ON_EMBEDDED)
    assert (row["measured"], row["verdict"]) == (None, "not measured")
    assert "embedded model" in row["note"]
    assert claim(2.0, at_least=1).row(ON_EMBEDDED)["verdict"] == "reproduced"


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"paper": 1.0}, "needs a tolerance"),
        ({"paper": 1.0, "tolerance": 1, "at_least": 2}, "not both"),
        ({}, "needs at_least or at_most"),
        ({"at_least": float("nan")}, "must be finite"),
        ({"at_least": 1, "tolerance": -1}, "must be finite, the tolerance not negative"),
    ],
)
def test_what_decides_the_verdict_is_asked_for_when_the_claim_is_made(told, message):
    with pytest.raises(BadInput, match=message):
        claim(**told)


@pytest.mark.parametrize("value", [True, "much", torch.tensor([1.0, 2.0]).numpy()])
def test_a_value_of_a_kind_that_does_not_fit_is_refused(value):
    with pytest.raises((BadInput, ValueError)):
        claim(value, paper=1.0, tolerance=1.0).row(ON_PAPERS_MODEL)


def test_a_number_from_what_was_announced_as_boolean_is_refused():
    with pytest.raises(BadInput, match="has no threshold"):
        Claim("it", "Sec. 1", "It is so.", yes).verdict(0.5)
