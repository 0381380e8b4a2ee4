"""Universal perturbations: written down, kept in the ball, and of use on images that they never saw."""

import pytest
import torch
from adversarial.networks import IMAGES, Curved, Flat, network

from innerview.adversarial import Course, Search, deepfool, distances, fooled, perturbed, universal_perturbation
from innerview.core.errors import BadInput, NotFinite
from innerview.core.seeds import generator

CURVED = network(Curved, classes=4)
FLAT = network(Flat, classes=4)
MANY = torch.rand(12, 3, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(5))


def written_down(model, images, search):
    """Algorithm 1, with a projection of its own."""
    own = model(images).argmax(1)
    v, rates = torch.zeros_like(images[:1]), []
    for epoch in range(search.epochs):
        for index in torch.randperm(len(images), generator=generator("universal", search.seed, epoch)).tolist():
            seen = (images[index : index + 1] + v).clamp(0, 1)
            if model(seen).argmax() == own[index]:
                found = deepfool(model, seen, search.course)
                if found.success.item():
                    v = v + found.images - seen
                    if search.norm == "linf":
                        v = v.clamp(-search.epsilon, search.epsilon)
                    else:
                        v = v * min(1, search.epsilon / float(v.norm()))
        rates.append(float((model((images + v).clamp(0, 1)).argmax(1) != own).double().mean()))
        if rates[-1] >= search.wanted:
            break
    return v, rates


@pytest.mark.parametrize("search", [
    Search(0.05, epochs=3, wanted=1.0), Search(0.06, epochs=3, wanted=0.9, seed=2), Search(0.2, "l2", 0.9, 2),
    Search(0.06, wanted=1.0, epochs=2, course=Course(steps=1)),
])  # fmt: skip
def test_it_is_what_is_written_down(search):
    found = universal_perturbation(CURVED, MANY, search)
    wanted, rates = written_down(CURVED, MANY, search)
    torch.testing.assert_close(found.perturbation, wanted, rtol=0, atol=1e-9)
    assert list(found.rates) == rates
    reach = distances(torch.zeros_like(found.perturbation), found.perturbation, search.norm)
    assert 0.9 * search.epsilon <= reach.item() <= search.epsilon


def test_it_ends_once_enough_are_fooled_and_may_never_begin():
    assert len(universal_perturbation(CURVED, MANY, Search(0.5, wanted=0.1, epochs=9)).rates) == 1
    nothing = universal_perturbation(CURVED, MANY, Search(epochs=0))
    assert nothing.rates == ()
    assert not nothing.perturbation.any()
    assert not universal_perturbation(CURVED, MANY, Search(0.0, epochs=2)).perturbation.any()


def test_a_seed_repeats_and_another_differs():
    one, again, other = (
        universal_perturbation(CURVED, MANY, Search(0.1, epochs=1, seed=seed)).perturbation for seed in (0, 0, 1)
    )
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_it_fools_images_that_it_never_saw_better_than_noise_of_its_size_does():
    train, rest = MANY[:6], MANY[6:]
    found = universal_perturbation(FLAT, train, Search(0.15, epochs=5)).perturbation
    noise = 0.15 * torch.randn(found.shape, generator=torch.Generator().manual_seed(0)).double().sign()
    rate = float(fooled(FLAT, rest, found).double().mean())
    assert rate > float(fooled(FLAT, rest, noise).double().mean()) + 0.2
    wanted = FLAT((rest + found).clamp(0, 1)).argmax(1) != FLAT(rest).argmax(1)
    assert torch.equal(fooled(FLAT, rest, found, batch=4), wanted)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_perturbed_images_keep_ball_and_range(norm):
    images = MANY.float()
    images[0], images[1] = 0, 1
    model, epsilon = network(Curved, classes=4).float(), 0.1
    v = universal_perturbation(model, images, Search(epsilon, norm, 1.0, 2)).perturbation
    found = perturbed(images, v)
    assert found.dtype == torch.float32
    assert (found >= 0).all()
    assert (found <= 1).all()
    assert (distances(images, found, norm) <= epsilon).all()
    torch.testing.assert_close(found, (images + v).clamp(0, 1))


def test_bad_input_is_refused():
    with pytest.raises(BadInput, match=r"epsilon must lie in \[0, 1\]"):
        Search(epsilon=-0.1)
    with pytest.raises(BadInput, match="give a share, and 0 or more"):
        Search(wanted=1.1)
    with pytest.raises(BadInput, match="give a share, and 0 or more"):
        Search(epochs=-1)
    with pytest.raises(BadInput, match=r"under l2 epsilon must lie in \[0, 7\.746\]"):
        universal_perturbation(FLAT, IMAGES, Search(9, "l2"))
    with pytest.raises(NotFinite, match="NaN or infinite pixels"):
        universal_perturbation(FLAT, IMAGES / 0)
    with pytest.raises(BadInput, match="a perturbation of 4x4 pixels does not fit images of 4x5"):
        perturbed(IMAGES, torch.zeros(1, 3, 4, 4).double())
    with pytest.raises(NotFinite, match="NaN or infinite pixels"):
        perturbed(IMAGES, torch.full((1, 3, 4, 5), torch.nan).double())
    with pytest.raises(BadInput, match="training mode"):
        fooled(network(Flat).train(), IMAGES, torch.zeros(1, 3, 4, 5).double())
