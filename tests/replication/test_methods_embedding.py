"""The page on embeddings: its own measures, counted again, and the zoomable map."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from innerview.embedding import neighbor_purity
from innerview.models import find_layer
from innerview.models.googlenet import GoogLeNet
from innerview.replicate import Paper, Run

NAME = "embedding"
SETTINGS = {"size": 64}


def test_all_layers_are_there(paper: Paper, embedded: torch.nn.Module) -> None:
    for preset in paper.presets:
        config = paper.config(preset)
        for model, one in ((GoogLeNet(), config), (embedded, paper.embedded(config))):
            for layer in (*one.layers, one.layer):
                find_layer(model, layer)


def test_chance_is_the_purity_of_noise(run: Run, module: Callable[[str], Any]) -> None:
    vectors = module("vectors")
    names = vectors.labels(run)
    drawn = [torch.randn(len(names), 8, generator=torch.Generator().manual_seed(seed)) for seed in range(20)]
    mean = sum(float(neighbor_purity(one, names, 4).mean()) for one in drawn) / len(drawn)
    assert vectors.chance(run) == pytest.approx(mean, abs=0.03)


def test_the_pixel_rank_is_that_of_the_nearest_by_features(
    run: Run, module: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five photographs on two circles: the nearest by features is known, and how many pixels lie between."""
    angles = torch.tensor([0.0, 0.1, 0.5, 0.65, 1.5])
    features = torch.stack([angles.cos(), angles.sin()], 1)
    pixels = torch.tensor([[0.0], [4.0], [1.0], [2.0], [9.0]])
    monkeypatch.setattr(module("vectors"), "spaces", lambda _run: {"features": features, "pixels": pixels})
    # 0 -> 1: 1 and 2 lie nearer; 1 -> 0: three nearer at 2, 3 and 5 is farther: two; 2 -> 3: 0 as near; 3 -> 2; 4 -> 3
    nearer = [2, 2, 0, 0, 1]
    assert module("measures").pixel_rank(run) == pytest.approx(sorted(nearer)[2] / 5)


def test_maps_grids_and_the_explorer(run: Run, module: Callable[[str], Any], tmp_path: Path) -> None:
    measures = module("measures")
    count = len(module("vectors").labels(run))
    for name, cells in measures.grids(run).items():
        assert measures.maps(run)[name].shape == (count, 2)
        assert len({tuple(cell) for cell in cells.tolist()}) == count
    page = module("figures").explorer(run, tmp_path / "explorer")
    contents = (page.parent / "data" / "contents.js").read_text(encoding="utf-8")
    assert all(title in contents for title in ("Principal axes", "t-SNE"))
    assert '"labels":["astronaut","chelsea","coffee","rocket"]' in contents


def test_each_claim_is_measured_but_that_of_umap(run: Run, paper: Paper) -> None:
    rows = {claim.id: claim.row(run) for claim in paper.claims}
    assert {name for name, row in rows.items() if row["measured"] is None} == {"umap-keeps-neighbours"}
    assert rows["features-know-classes"]["measured"] > 1
