"""The page on filters: layers that are there, and its own measures, counted again."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from innerview.core.folders import read_square
from innerview.dissection import Traits
from innerview.models import evaluate, find_layer
from innerview.models.googlenet import GoogLeNet
from innerview.replicate import Paper, Run

NAME = "filters"
SETTINGS = {"size": 96}


def test_all_layers_are_there(paper: Paper, embedded: torch.nn.Module) -> None:
    for preset in paper.presets:
        config = paper.config(preset)
        for model, one in ((GoogLeNet(), config), (embedded, paper.embedded(config))):
            for layer in (*one.layers, *one.shown):
                find_layer(model, layer)


def like(color: list[float], frequency: list[float], orientation: list[float]) -> Traits:
    return Traits(torch.tensor(color), torch.zeros(len(color)), torch.tensor(frequency), torch.tensor(orientation))


def test_sectors_and_medians_are_of_grey_and_coloured_filters(
    run: Run, module: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = like([0.0, 0.05, 0, 0.05, 0.6, 0.9, 0.3], [0.2, 0.3, 0.4, 0.0, 0.1, 0.2, 0.5], [1.0, 179, 90, 45, 0, 0, 0])
    monkeypatch.setattr(module("measures"), "filters", lambda run: {run.config.model: (None, made)})
    assert module("measures").sectors(run) == [2, 0, 0, 0, 1, 0, 0, 0]  # 179 degrees is all but level
    assert module("measures").median_frequencies(run) == pytest.approx({"grey": 0.2, "coloured": 0.1})


def test_zeros_are_counted_over_the_photographs(
    run: Run, module: Callable[[str], Any], embedded: torch.nn.Module
) -> None:
    measures = module("measures")
    found = measures.counted(run)
    images = [read_square(path, run.config.size) for path in measures.paths(run)]
    maps = evaluate(embedded, torch.cat([one for one in images if isinstance(one, torch.Tensor)]), "relu0")["relu0"]
    torch.testing.assert_close(found["relu0"].zeros, (maps == 0).float().mean((0, 2, 3)))
    assert found["relu0"].images == len(maps) == 12
    assert tuple(found) == run.config.layers


def test_each_claim_is_measured(run: Run, paper: Paper) -> None:
    rows = {claim.id: claim.row(run) for claim in paper.claims}
    assert {name for name, row in rows.items() if row["measured"] is None} == {"two-halves-specialise"}
