"""The page on adversarial examples: its own measures, and that its panels differ in what they show."""

import itertools

import pytest
import torch

from innerview.adversarial import distances
from innerview.models import class_index, class_labels, find_layer, imagenet_classes
from innerview.replicate import Run

NAME = "adversarial_examples"
SETTINGS = {"size": 48}


def test_classes_and_layers_are_there(paper, embedded):
    for preset in paper.presets:
        config = paper.embedded(paper.config(preset))
        indices = {class_index(embedded, name) for name in (*config.names, config.led_to)}
        assert len(indices) >= len(config.names)
        for layer in config.layers:
            find_layer(embedded, layer)


def test_photographs_of_scikit_image_have_the_classes_that_they_show(run, module):
    found = module("photographs").photographs(run, 100)
    assert found.images.shape == (24, 3, run.config.size, run.config.size)
    assert len({image.numpy().tobytes() for image in found.images}) == 24
    named = [class_labels(run.model(run.config.model))[label] for label in found.labels[:3].tolist()]
    assert ["cat" in named[0], "mug" in named[1], "missile" in named[2]] == [True] * 3
    assert module("photographs").photographs(run, 5).names == found.names[:5]


@pytest.mark.mirror
def test_published_photographs_have_the_class_of_their_folder(paper, available, googlenet, module, tmp_path):
    available("imagenette160_boxes")
    begun = Run.start(paper, preset="smoke", out=tmp_path, device="cpu")
    found = module("photographs").photographs(begun, 20)
    names = [imagenet_classes()[label].name for label in found.labels[::2].tolist()]
    assert [name.split(",")[0] for name in names[:3]] == ["tench", "English springer", "cassette player"]
    assert len(set(names)) == 10
    right = (googlenet(found.images).argmax(1) == found.labels).double().mean()
    assert right > 0.4


def test_attacks_of_one_photograph_differ_and_are_as_long_as_told(run, module):
    found = module("attacked").one_photograph(run)
    assert set(found) == {"Photograph", *module("figures").SHORT, "targeted"}
    for one, other in itertools.combinations(found, 2):
        assert float(distances(found[one], found[other])) > 1e-4
    image, level = found["Photograph"], run.config.shown_levels / 255
    for name in ("FGSM", "Iterative", "PGD"):
        assert 0.9 * level <= float(distances(image, found[name])) <= level
    assert float(distances(image, found["PGD, L2"], "l2")) <= run.config.shown_length


def test_curves_begin_without_an_attack(run, module):
    found = module("photographs").photographs(run, run.config.attacked)
    chances = module("attacked").chances(run.model(run.config.model), found.images)
    for norm, names in module("attacked").KINDS.items():
        curves = module("attacked").curve(run, norm)
        assert tuple(curves) == names
        for name, one in curves.items():
            assert one.epsilons[0] == 0
            assert len(one.epsilons) == len(one.accuracy[name]) == len(one.confidence[name])
            assert one.accuracy[name][0] == float((chances.argmax(1) == found.labels).double().mean())
            assert one.confidence[name][0] == pytest.approx(float(chances.amax(1).double().mean()))
    assert module("attacked").curve(run, "linf")["fgsm"].epsilons[1:] == run.config.levels


def test_claims_read_the_curve_at_the_size_that_is_nearest(run, module):
    size, after, before = module("paper")._nearest(run, "linf", "fgsm", 7)
    one = module("attacked").curve(run, "linf")["fgsm"]
    assert size == 8
    assert (after, before) == (one.accuracy["fgsm"][-1], one.accuracy["fgsm"][0])
    assert module("paper")._nearest(run, "linf", "fgsm", 0)[0] == 0.5


def test_ratios_of_deepfool_are_of_what_the_network_is_given(run, module):
    found = module("attacked").pushed(run)
    images = module("photographs").photographs(run, run.config.pushed).images.double()
    mean = 127 / 255  # EfficientNet-Lite0's
    for name, offset in (("plain", 0.0), ("ratios", mean)):
        wanted = found["norms"] / (images - offset).flatten(1).norm(dim=1)
        torch.testing.assert_close(found[name], wanted, rtol=1e-3, atol=0)


def test_the_perturbation_is_tried_on_photographs_that_it_was_not_made_with(run, module):
    config, found = run.config, module("attacked").universal(run)
    assert len(found["fooled"]) == len(found["noise"]) == config.unseen
    assert float(found["perturbation"].abs().max()) <= 10 / 255
    plain, changed = module("attacked").universal_examples(run, 2)
    assert len(plain) == min(2, int(found["fooled"].sum()))
    assert not len(plain) or float(distances(plain, changed).max()) <= 10 / 255


def test_every_kind_of_picture_has_its_numbers(run, module):
    found = module("nothing").pictures(run)
    assert tuple(found) == module("nothing").KINDS == tuple(module("figures").KINDS)
    count = len(run.config.names)
    for one in found.values():
        assert len(one["images"]) == count
        for name in ("sure", "moved", "other", "fine"):
            assert one[name].shape == (count,)
            assert ((one[name] >= 0) & (one[name] <= 1)).all()
        torch.testing.assert_close(one["sure"], one["other"])  # the embedded model is the other one, too
    for one, other in itertools.combinations(found.values(), 2):
        assert float((one["images"] - other["images"]).abs().max()) > 1e-4


def test_what_is_carried_over_leaves_a_networks_own_examples_out(module):
    errors = torch.tensor([[1.0, 0.2, 0.4], [0.1, 0.9, 0.3], [0.0, 0.5, 0.8]])
    assert module("paper").carried_over(errors) == pytest.approx((0.2 + 0.4 + 0.1 + 0.3 + 0.0 + 0.5) / 6)


def test_chance_is_what_nobody_chose(run, module):
    found = module("basis").purities(run)
    assert tuple(found) == run.config.layers
    for kinds in found.values():
        assert kinds["channels"].shape == kinds["directions"].shape == kinds["chance"].shape
        assert float(kinds["chance"].mean()) < float(kinds["channels"].mean())
        assert not torch.equal(kinds["channels"], kinds["directions"])
