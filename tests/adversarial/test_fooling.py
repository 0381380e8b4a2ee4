"""Fooling images: what nothing becomes, and that it still shows nothing."""

import pytest
import torch
from adversarial.networks import Curved, network

from innerview.adversarial import Attack, Towards, distances, fooling_images, pgd
from innerview.core.errors import BadInput

SIZED = network(Curved).float()
SIZED.fc.weight.data = torch.randn(4, 3 * 8 * 8, generator=torch.Generator().manual_seed(0))


def test_it_is_a_targeted_attack_on_an_image_that_shows_nothing():
    attack = Attack(0.1, 12, 0.02, seed=None)
    found = fooling_images(SIZED, ["cat", 2, "fox"], size=8, attack=attack, seed=4)
    assert torch.equal(found.images, pgd(SIZED, found.starts, Towards([1, 2, 0]), attack).images)
    assert found.classes.tolist() == [1, 2, 0]
    for images, told in ((found.starts, found.before), (found.images, found.confidences)):
        wanted = SIZED(images).softmax(1)[torch.arange(3), found.classes]
        torch.testing.assert_close(told, wanted)
    assert (found.confidences > found.before).all()
    assert (distances(found.starts, found.images) <= 0.1).all()


def test_starts_are_noise_of_their_own_seed_or_grey():
    found = fooling_images(SIZED, [0, 1], size=8, attack=Attack(steps=0, seed=None), seed=3)
    assert torch.equal(found.images, found.starts)
    assert not torch.equal(found.starts[0], found.starts[1])
    assert torch.equal(fooling_images(SIZED, 1, size=8, attack=Attack(steps=0), seed=4).starts[0], found.starts[1])
    assert 0.2 < found.starts.std() < 0.4
    grey = fooling_images(SIZED, "dog", start="grey", size=8)
    assert (grey.starts == 0.5).all()
    assert grey.images.shape == (1, 3, 8, 8)


def test_the_embedded_model_is_sure_of_a_class_in_noise(embedded):
    found = fooling_images(embedded, "goldfish", size=96, attack=Attack(16 / 255, 12, 2 / 255, None))
    assert found.before.item() < 0.05
    assert found.confidences.item() > 0.9
    assert torch.corrcoef(torch.stack([found.starts.flatten(), found.images.flatten()]))[0, 1] > 0.98


def test_bad_input_is_refused():
    with pytest.raises(BadInput, match="no start is called 'gray'; near ones: grey; choose one of noise, grey"):
        fooling_images(SIZED, 1, start="gray", size=8)
    with pytest.raises(BadInput, match="1 classes of 0 pixels make no image"):
        fooling_images(SIZED, 1, size=0)
    with pytest.raises(BadInput, match="0 classes of 8 pixels make no image"):
        fooling_images(SIZED, [], size=8)
    with pytest.raises(BadInput, match="no class is called 'horse'"):
        fooling_images(SIZED, "horse", size=8)
