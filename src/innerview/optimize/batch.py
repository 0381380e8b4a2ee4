"""Objectives about how the images of a batch relate {cite}`olah2017feature`.

The number of each image depends on the others, too; the sum over the batch is the article's term. They are maximised as
all objectives are, so they are added: ``channel("inception_4c", [97] * 4) + 100 * diversity("inception_4c")``.
"""

from torch.nn import functional as F

from innerview.core.errors import BadInput
from innerview.core.types import Values
from innerview.models import channels_first
from innerview.optimize.objectives import Objective, Reading, written

NEIGHBOURS = 4
"""How far apart in a batch two images still count as neighbours {cite}`lucid`."""


def diversity(layer: str) -> Objective:
    r"""How little the images share the channels that are active together.

    $$-\frac{1}{b} \sum_{j \ne i} \cos(G_i, G_j), \qquad G_i = A_i A_i^\top$$

    for image i of b, with the Gram matrices of the layer's activations over all positions. Summed over the batch it is
    minus the article's term, whose weight there is 100; each image's number lies between $-(b-1)/b$ and $(b-1)/b$.

    Args:
        layer: Name of a layer with positions.
    """

    def measure(reading: Reading) -> Values:
        maps = channels_first(reading.activations[layer])
        _check_batch("diversity", layer, len(maps))
        if maps.ndim < 3:
            raise BadInput(f"layer {layer!r} has no positions, so no Gram matrix over them; choose an earlier layer")
        features = maps.flatten(2)
        grams = F.normalize((features @ features.mT).flatten(1), eps=1e-5)
        cosines = grams @ grams.T
        # An image feels both halves of its pairs, through its own number alone: the batch's gradient is the article's,
        # and an image that the rest of its objective weighs by zero is left alone.
        felt = 2 * grams @ grams.detach().T - cosines.detach()
        return -(felt.sum(1) - felt.diagonal()) / len(maps)

    return Objective(f"diversity({layer})", (layer,), measure)


def alignment(layer: str, decay: float = 2.0) -> Objective:
    r"""How much neighbouring images of the batch look alike to a layer {cite}`lucid`.

    $$-\frac{1}{2} \sum_{0 < |i - j| \le 4} \frac{\mathrm{mean}\,(A_i - A_j)^2}{\mathrm{decay}^{|i - j|}}$$

    for image i: of each pair's penalty, each of the two bears half. Added to an interpolation, it makes frames show
    alike things at the same places.

    Args:
        layer: Name of the layer.
        decay: By how much a penalty shrinks with each step away.

    Raises:
        BadInput: `decay` is not positive.
    """
    if not decay > 0:
        raise BadInput(f"the decay of an alignment is a positive number, not {decay}")

    def measure(reading: Reading) -> Values:
        features = reading.activations[layer].flatten(1)
        _check_batch("alignment", layer, len(features))
        penalties = features.new_zeros(len(features))
        for distance in range(1, min(NEIGHBOURS, len(features) - 1) + 1):
            pairs = (features[distance:] - features[:-distance]).square().mean(1) / decay**distance
            penalties = penalties + F.pad(pairs, (distance, 0)) + F.pad(pairs, (0, distance))
        return -penalties / 2

    return Objective(f"alignment({layer}, {written(decay)})", (layer,), measure)


def _check_batch(kind: str, layer: str, images: int) -> None:
    if images < 2:
        raise BadInput(
            f"{kind}({layer}) compares images and there is but one; ask for more, such as channel:LAYER:97,97,97,97"
        )
