"""Whitening against its closed form, and layouts: what is alike lies together, whatever all have in common."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from innerview.atlas import Reduction, Whitening, reduce, whitening
from innerview.atlas.reduce import across
from innerview.core.errors import BadInput, NotFinite
from innerview.core.store import Store
from innerview.core.work import Work

METHODS = ["umap", "tsne", "pca"]
PCA = Reduction("pca")


def correlated(count: int, channels: int = 5) -> Tensor:
    """Draw activations whose channels go together, far from zero."""
    draws = torch.Generator().manual_seed(0)
    mixed = torch.randn(count, channels, generator=draws) @ torch.randn(channels, channels, generator=draws)
    return mixed + torch.arange(channels)


def second_moments(rows: Tensor) -> Tensor:
    return rows.double().T @ rows.double() / len(rows)


# Whitening


@pytest.mark.parametrize("count", [500, 9000])
def test_second_moments_of_whitened_activations_are_the_identity(count: int) -> None:
    activations = correlated(count)
    found = whitening(activations, ridge=1e-9)
    assert float((second_moments(activations) - torch.eye(5)).abs().max()) > 1
    torch.testing.assert_close(second_moments(found.activations(activations)), torch.eye(5).double(), rtol=0, atol=1e-3)


@pytest.mark.parametrize("ridge", [0.01, 0.5, 10.0])
def test_the_inverse_is_that_of_moments_and_ridge(ridge: float) -> None:
    activations = correlated(300)
    moments = second_moments(activations)
    wanted = torch.linalg.inv(moments + ridge * moments.diagonal().mean() * torch.eye(5))
    found = whitening(activations, ridge)
    torch.testing.assert_close(found.inverse.double(), wanted, rtol=1e-4, atol=1e-7)
    torch.testing.assert_close(found.root @ found.root, found.inverse, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(whitening(activations).inverse, whitening(activations, 1.0).inverse)


def test_a_whitened_direction_measures_the_product_of_both_whitened() -> None:
    activations = correlated(300)
    found = whitening(activations)
    one, other = activations[:4], activations[4:8]
    torch.testing.assert_close(
        one @ found.directions(other).T, found.activations(one) @ found.activations(other).T, rtol=1e-3, atol=1e-3
    )


def test_the_unit_of_activations_plays_no_part() -> None:
    activations = correlated(300)
    one, other = whitening(activations), whitening(activations * 1000)
    torch.testing.assert_close(
        one.activations(activations), other.activations(activations * 1000), rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize("value", [0.0, 7.0])
def test_channels_that_never_fire_or_never_change_stay_finite(value: float) -> None:
    activations = correlated(300)
    activations[:, 2] = value
    found = whitening(activations)
    assert bool(torch.isfinite(found.inverse).all())
    assert bool(torch.isfinite(found.root).all())
    assert float(found.activations(activations).abs().max()) < 100
    if value == 0:
        assert not found.activations(activations)[:, 2].abs().max() > 1e-4


def test_fewer_activations_than_channels_are_whitened_by_the_ridge() -> None:
    found = whitening(torch.randn(3, 40, generator=torch.Generator().manual_seed(0)))
    assert bool(torch.isfinite(found.root).all())
    assert float(found.root.abs().max()) < 1e3


def test_half_precision_loses_little() -> None:
    activations = correlated(300).half()
    torch.testing.assert_close(whitening(activations).inverse, whitening(activations.float()).inverse)


@pytest.mark.parametrize(
    ("activations", "ridge", "error", "message"),
    [
        (torch.zeros(20, 3), 0.01, BadInput, "all activations are zero"),
        (torch.zeros(0, 3), 0.01, BadInput, "all activations are zero"),
        (torch.tensor([[1.0, float("nan")]]), 0.01, NotFinite, "activations hold NaN or infinite numbers"),
        (torch.tensor([[1.0, float("inf")]]), 0.01, NotFinite, "activations hold NaN or infinite numbers"),
        (torch.ones(3, 2), 0.0, BadInput, "the ridge of a whitening is positive, not 0"),
        (torch.ones(3, 2), float("nan"), BadInput, "the ridge of a whitening is positive, not nan"),
    ],
)
def test_what_cannot_be_whitened(activations: Tensor, ridge: float, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        whitening(activations, ridge)


# Layouts


@pytest.fixture(scope="module")
def groups() -> Tensor:
    """Three groups of thirty around three directions, below one channel that drowns them all."""
    draws = torch.Generator().manual_seed(0)
    centres = torch.eye(6)[:3].repeat_interleave(30, 0) * 4 + 0.3 * torch.randn(90, 6, generator=draws)
    centres[:, 5] = 200 + 5 * torch.randn(90, generator=draws)
    return centres


def grouped(layout: Tensor) -> bool:
    centres = layout.reshape(3, 30, -1).mean(1)
    return torch.cdist(layout, centres).argmin(1).tolist() == [group for group in range(3) for _ in range(30)]


@pytest.fixture(scope="module")
def fine(groups: Tensor) -> Whitening:
    return whitening(groups, ridge=1e-5)


@pytest.mark.parametrize("dimensions", [2, 1])
@pytest.mark.parametrize("method", METHODS)
def test_groups_stay_together_and_a_seed_repeats(groups: Tensor, fine: Whitening, method: str, dimensions: int) -> None:
    found = reduce(groups, fine, Reduction(method, seed=3), dimensions=dimensions)
    assert found.shape == (90, dimensions)
    assert found.amin(0).tolist() == [0] * dimensions
    assert found.amax(0).tolist() == [1] * dimensions
    assert dimensions == 1 or grouped(found)
    assert torch.equal(reduce(groups, fine, Reduction(method, seed=3), dimensions=dimensions), found)


def test_without_whitening_the_common_channel_drowns_the_groups(groups: Tensor) -> None:
    none = Whitening(torch.eye(6), torch.eye(6))
    assert not grouped(reduce(groups, none, PCA))


def test_umap_s_seed_and_settings_are_used(groups: Tensor, fine: Whitening) -> None:
    asked = [Reduction(), Reduction(seed=1), Reduction(neighbors=4), Reduction(min_dist=0.9)]
    found = [reduce(groups, fine, one) for one in asked]
    assert all(not torch.equal(found[0], other) for other in found[1:])


def test_a_part_may_be_whitened_as_the_whole(groups: Tensor, fine: Whitening) -> None:
    part = groups[::3]
    assert not torch.allclose(reduce(part, fine, PCA), reduce(part, whitening(part, ridge=1), PCA), atol=0.1)


@pytest.mark.parametrize("method", METHODS)
def test_duplicates_lie_together(groups: Tensor, method: str) -> None:
    rows = torch.cat([groups[:1].expand(30, -1), groups[30:]])
    found = reduce(rows, whitening(rows, ridge=0.01), Reduction(method))
    assert bool(torch.isfinite(found).all())
    spread = float((found[:30] - found[:30].mean(0)).norm(dim=1).max())
    assert spread < (1e-4 if method == "pca" else 0.3)


@pytest.mark.parametrize("method", METHODS)
def test_all_the_same_is_laid_out_somewhere(method: str) -> None:
    rows = torch.ones(40, 4)
    found = reduce(rows, whitening(rows), Reduction(method))
    assert bool(torch.isfinite(found).all())


FEWEST = {"umap": (4, 3), "tsne": (8, 8), "pca": (2, 2)}


@pytest.mark.parametrize("dimensions", [2, 1])
@pytest.mark.parametrize("method", METHODS)
def test_few_activations_are_laid_out_or_refused(groups: Tensor, method: str, dimensions: int) -> None:
    fewest = FEWEST[method][2 - dimensions]
    rows = groups[::11][:fewest]
    found = reduce(rows, whitening(rows), Reduction(method), dimensions=dimensions)
    assert found.shape == (fewest, dimensions)
    assert bool(torch.isfinite(found).all())
    for count in (1, fewest - 1):
        with pytest.raises(BadInput) as raised:
            reduce(rows[:count], whitening(rows), Reduction(method), dimensions=dimensions)
        assert str(raised.value).startswith(f"{count} vectors")


def test_an_unknown_method_is_refused(groups: Tensor, fine: Whitening) -> None:
    with pytest.raises(BadInput, match="there is no layout 'mds'; choose umap, tsne"):
        reduce(groups, fine, Reduction("mds"))


# The store


def test_a_layout_is_kept(groups: Tensor, fine: Whitening, tmp_path: Path) -> None:
    work = Work(Store(tmp_path))
    found = reduce(groups, fine, PCA, work=work)
    assert torch.equal(found, reduce(groups, fine, PCA))
    (path,) = tmp_path.iterdir()
    assert path.name.startswith("pca-layout-")
    Store(tmp_path).save(path, {"layout": found + 5})
    assert torch.equal(reduce(groups, fine, PCA, work=work), found + 5)  # read, not computed


@pytest.mark.parametrize(
    "change",
    [
        {"reduction": Reduction("umap")},
        {"reduction": Reduction("pca", seed=1)},
        {"dimensions": 1},
        {"activations": torch.rand(90, 6)},
        {"whitened": Whitening(torch.eye(6), torch.eye(6))},
    ],
    ids=["method", "seed", "dimensions", "activations", "whitening"],
)
def test_another_layout_is_another_file(
    groups: Tensor, fine: Whitening, tmp_path: Path, change: dict[str, Any]
) -> None:
    asked: dict[str, Any] = {"activations": groups, "whitened": fine, "reduction": PCA, "dimensions": 2}
    reduce(**asked, work=Work(Store(tmp_path)))
    found = reduce(**asked | change, work=Work(Store(tmp_path)))
    assert torch.equal(found, reduce(**asked | change))
    assert len([*tmp_path.iterdir()]) == 2


def test_a_line_becomes_a_plane_beside_a_difference() -> None:
    found = across(torch.tensor([3.0, -1.0]), torch.tensor([[0.2], [1.0]]))
    torch.testing.assert_close(found, torch.tensor([[3.0, 0.2], [-1.0, 1.0]]))
