"""The names of ImageNet's classes."""

import pytest

from innerview.models import imagenet_classes, imagenet_labels

ANCHORS = {
    0: "tench", 1: "goldfish", 7: "cock", 207: "golden retriever", 242: "boxer", 281: "tabby", 282: "tiger cat",
    285: "Egyptian cat", 291: "lion", 340: "zebra", 388: "giant panda", 504: "coffee mug", 801: "snorkel",
    812: "space shuttle", 963: "pizza", 967: "espresso", 983: "scuba diver", 999: "toilet tissue",
}  # fmt: skip


def test_there_are_a_thousand_names_and_no_two_are_the_same():
    names = imagenet_labels()
    assert len(names) == 1000
    assert len(set(names)) == 1000
    assert all(name == name.strip() != "" for name in names)


@pytest.mark.parametrize(("index", "name"), ANCHORS.items())
def test_names_stand_at_their_index(index, name):
    assert imagenet_labels()[index] == name


def test_classes_are_sorted_by_their_wordnet_id():
    wnids = [entry.wnid for entry in imagenet_classes()]
    assert wnids == sorted(set(wnids))
    assert all(len(wnid) == 9 and wnid[0] == "n" and wnid[1:].isdigit() for wnid in wnids)
    assert imagenet_classes()[281].wnid == "n02123045"


@pytest.mark.mirror
def test_photographs_sorted_by_name_are_the_classes_in_order(available):
    """The sample's files carry wnid and name: ``n01440764_tench.JPEG``."""
    for key, entry in zip(sorted(available("imagenet_sample")), imagenet_classes(), strict=True):
        assert key.rpartition("/")[2].startswith(f"{entry.wnid}_")
