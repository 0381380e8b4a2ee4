"""Neuron groups: planted ones are found, in order, and the error is what is left."""

import pytest
import torch

from innerview.core.errors import BadInput
from innerview.embedding import neuron_groups


def planted(noise: float = 0.0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return activations of three groups that share no channel, their unit vectors and maps, the strongest first."""
    source = torch.Generator().manual_seed(0)
    vectors = torch.block_diag(*[torch.rand(1, 4, generator=source) + 0.2 for _ in range(3)])
    vectors = vectors / vectors.norm(dim=1, keepdim=True)
    maps = torch.rand(2, 3, 6, 5, generator=source).square() * torch.tensor([3.0, 2.0, 1.0])[:, None, None]
    activations = torch.einsum("gc,bghw->bchw", vectors, maps)
    return activations + noise * torch.rand(activations.shape, generator=source), vectors, maps


def test_planted_groups_are_found_with_the_strongest_first():
    activations, vectors, maps = planted()
    found = neuron_groups(activations, 3)
    torch.testing.assert_close(found.vectors, vectors, atol=5e-3, rtol=0)
    torch.testing.assert_close(found.maps, maps, atol=3e-2, rtol=0)
    assert found.error < 5e-3


@pytest.mark.parametrize("count", [1, 2, 4])
def test_vectors_have_unit_length_and_the_error_is_what_is_left(count):
    activations = planted(noise=0.5)[0]
    found = neuron_groups(activations, count)
    assert found.maps.shape == (2, count, 6, 5)
    torch.testing.assert_close(found.vectors.norm(dim=1), torch.ones(count))
    assert found.vectors.min() >= 0
    assert found.maps.min() >= 0
    energy = found.maps.square().sum((0, 2, 3))
    assert energy.tolist() == sorted(energy.tolist(), reverse=True)
    left = activations - torch.einsum("gc,bghw->bchw", found.vectors, found.maps)
    assert found.error == pytest.approx(float(left.norm() / activations.norm()), abs=1e-5)


def test_one_group_is_the_best_approximation_of_rank_one():
    """Eckart and Young: for matrices that are not negative, the first singular vectors are not either."""
    activations = planted(noise=0.5)[0]
    rows = activations.permute(0, 2, 3, 1).reshape(-1, 12)
    _, lengths, right = torch.linalg.svd(rows, full_matrices=False)
    found = neuron_groups(activations, 1)
    torch.testing.assert_close(found.vectors[0], right[0].abs(), atol=2e-3, rtol=0)
    assert found.error == pytest.approx(float(lengths[1:].norm() / lengths.norm()), abs=1e-4)


def test_more_groups_leave_less_and_a_seed_repeats():
    activations = planted(noise=0.5)[0]
    errors = [neuron_groups(activations, count).error for count in (1, 2, 3, 6)]
    assert errors == sorted(errors, reverse=True)
    one, other = neuron_groups(activations, 3, seed=5), neuron_groups(activations, 3, seed=5)
    assert torch.equal(one.vectors, other.vectors)
    assert torch.equal(one.maps, other.maps)


@pytest.mark.parametrize(
    ("activations", "count", "said"),
    [
        (torch.randn(1, 4, 3, 3, generator=torch.Generator().manual_seed(0)), 2, "choose a layer after its ReLU"),
        (torch.full((1, 4, 3, 3), torch.nan), 2, "NaN or infinite"),
        (torch.zeros(1, 4, 3, 3), 2, "all activations are zero"),
        (torch.ones(1, 4, 3, 3), 5, "9 positions of 4 channels hold no 5 groups"),
        (torch.ones(1, 4, 3, 3), 0, "hold no 0 groups"),
    ],
)
def test_what_has_no_groups_is_refused(activations, count, said):
    with pytest.raises(BadInput, match=said):
        neuron_groups(activations, count)
