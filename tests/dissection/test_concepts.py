"""Sets of concepts: given masks come out as they went in; what does not fit together is refused."""

import numpy as np
import pytest
import torch

from innerview.core.errors import BadInput
from innerview.core.folders import Batch
from innerview.core.store import fingerprint
from innerview.dissection import GivenMasks, JoinedConcepts, PixelConcepts
from innerview.dissection.concepts import checked_masks

KINDS = {"cat": "object", "sky": "scene", "dog": "object"}


def mask(seed, size=(6, 8)):
    return torch.rand(size, generator=torch.Generator().manual_seed(seed)) > 0.5


def batch(*indices, size=(6, 8)):
    return Batch(indices, torch.zeros(len(indices), 3, *size))


def test_masks_come_out_by_the_number_of_the_image():
    found = [{"cat": mask(0), "dog": mask(1).numpy()}, {}, {"sky": mask(2)}]
    concepts = GivenMasks(KINDS, found, unknown=[[], ["object"], ["scene", "object"]])
    masks, known = concepts.read(batch(2, 0, 1))
    assert concepts.names == ("cat", "sky", "dog")
    assert concepts.categories == ("object", "scene", "object")
    assert concepts.count == 3
    expected = torch.zeros(3, 3, 6, 8, dtype=torch.bool)
    expected[0, 1], expected[1, 0], expected[1, 2] = mask(2), mask(0), mask(1)
    assert torch.equal(masks, expected)
    assert known.tolist() == [[False] * 3, [True] * 3, [False, True, False]]


def test_sets_are_joined_side_by_side():
    given = GivenMasks(KINDS, [{"sky": mask(3)}, {}])
    joined = JoinedConcepts((PixelConcepts(4), given))
    masks, known = joined.read(batch(0, 1))
    assert joined.names == (*PixelConcepts(4).names, *given.names)
    assert joined.categories[-3:] == given.categories
    assert joined.count == 2
    assert joined.size is None
    assert torch.equal(masks[0, -2], mask(3))
    assert masks.shape[1] == 18 + 3
    assert known.all()


def test_masks_of_another_size_are_refused_with_both_sizes():
    with pytest.raises(BadInput, match="masks are 6x8 pixels, the images 12x16"):
        checked_masks(GivenMasks(KINDS, [{"cat": mask(0)}]), batch(0, size=(12, 16)))
    found = checked_masks(GivenMasks(KINDS, [{"cat": mask(0)}], size=(6, 8)), batch(0, size=(12, 16)))
    assert found.masks.shape == (1, 3, 6, 8)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"kinds": {}, "found": [{}]}, "0 concepts in 1 images"),
        ({"kinds": KINDS, "found": []}, "3 concepts in 0 images"),
        ({"kinds": KINDS, "found": [{"cats": mask(0)}]}, "'cats', which is no concept .*near ones: cat"),
        ({"kinds": KINDS, "found": [{"cat": mask(0).float()}]}, r"\(6, 8\) of torch.float32"),
        ({"kinds": KINDS, "found": [{"cat": np.zeros((1, 6, 8), bool)}]}, r"\(1, 6, 8\) of bool"),
        ({"kinds": KINDS, "found": [{"cat": mask(0)}, {"dog": mask(0, (3, 4))}]}, "3x4 and 6x8"),
        ({"kinds": KINDS, "found": [{"cat": mask(0)}], "size": (9, 9)}, "6x8 and 9x9"),
        ({"kinds": KINDS, "found": [{}, {}], "unknown": [[]]}, "2 images have masks, 1 unknown"),
    ],
)
def test_given_masks_that_do_not_fit_are_refused(given, message):
    with pytest.raises(BadInput, match=message):
        GivenMasks(**given)


def test_sets_that_do_not_fit_are_refused():
    one, two = GivenMasks(KINDS, [{}]), GivenMasks({"car": "object"}, [{}, {}])
    with pytest.raises(BadInput, match="no concepts to join"):
        JoinedConcepts(())
    with pytest.raises(BadInput, match="two sets have a concept 'cat'"):
        JoinedConcepts((one, one))
    with pytest.raises(BadInput, match="one set knows 1 images, another 2"):
        JoinedConcepts((one, two))
    with pytest.raises(BadInput, match=r"several sizes \(that of the images and 5x5\)"):
        JoinedConcepts((one, PixelConcepts(size=(5, 5))))


def test_the_identity_changes_with_every_mask():
    def told(*masks, unknown=()):
        return fingerprint(GivenMasks(KINDS, list(masks), unknown).identity())

    same = told({"cat": mask(0)}, {})
    assert same == told({"cat": mask(0).numpy()}, {})
    others = [told({"cat": mask(1)}, {}), told({"dog": mask(0)}, {}), told({}, {"cat": mask(0)})]
    others.append(told({"cat": mask(0)}, {}, unknown=[[], ["object"]]))
    assert len({same, *others}) == 5
    assert fingerprint(PixelConcepts(4).identity()) != fingerprint(PixelConcepts(8).identity())
