"""A generator as the prior of feature visualisation: images that excite a unit, among those that it can make."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from innerview.core.errors import BadInput
from innerview.core.progress import progress as bar
from innerview.core.seeds import generator as random
from innerview.core.types import Images, Values
from innerview.models import check_evaluated, class_index, class_logits
from innerview.models.activations import device_of
from innerview.models.normalization import resized
from innerview.optimize.parameterizations import noise
from innerview.synthesis.generators import Codes, Generator


@dataclass(frozen=True)
class GeneratorPrior:
    """A parameterization: what is changed is the code of a generator {cite}`nguyen2016synthesizing`.

    An image can only show what the generator learned to make of photographs: what looks natural in it comes from there,
    not from the network that is visualised.

    Args:
        generator: Frozen, in evaluation mode.
        bound: No number of a code goes beyond it, for far from where codes lay in training a generator makes nothing
            like a photograph. Codes are brought back after each step.
        sd: Standard deviation of the start; 1 is a random image of the generator, 0 its mean code.
    """

    generator: Generator
    bound: float = 2.5
    sd: float = 1.0

    def __post_init__(self) -> None:
        if not (self.bound > 0 and self.sd >= 0):
            raise BadInput(f"a bound is above 0 and a deviation at least 0, not {self.bound} and {self.sd}")
        check_evaluated(self.generator)

    def start(self, seeds: Sequence[int], size: tuple[int, int]) -> "CodedImages":
        """See `innerview.optimize.Parameterization.start`; images are enlarged to `size` (bilinear)."""
        codes = noise(seeds, (self.generator.architecture.code,), "codes") * self.sd
        return CodedImages(self.generator, codes.clamp(-self.bound, self.bound), self.bound, size)


class CodedImages(nn.Module):
    """Images of codes that are parameters."""

    def __init__(self, generator: Generator, codes: Codes, bound: float, size: tuple[int, int]) -> None:
        super().__init__()
        self.generator, self.bound, self.size = generator, bound, size
        self.codes = nn.Parameter(codes)

    def forward(self) -> Images:
        with torch.no_grad():
            self.codes.clamp_(-self.bound, self.bound)
        return resized(self.generator(self.codes), self.size)


@dataclass(frozen=True)
class PlugAndPlayRecipe:
    r"""How codes wander.

    Each step is (Eq. 5 of {cite}`nguyen2017plug`)

    $$h \leftarrow h + \epsilon_1 \frac{\partial \log p(h)}{\partial h} + \epsilon_2 \frac{\partial \log p(c \mid
    G(h))}{\partial h} + \mathcal{N}(0, \epsilon_3^2)$$

    There a denoising autoencoder stands in for the first gradient. Here codes were standard normal while the generator
    was trained, so that it is $-h$.

    Args:
        steps: Steps.
        prior: $\epsilon_1$.
        condition: $\epsilon_2$.
        noise: $\epsilon_3$.
        size: To which images are enlarged before the classifier looks, in pixels.
    """

    steps: int = 200
    prior: float = 0.003
    condition: float = 0.02
    noise: float = 0.01
    size: int = 128

    def __post_init__(self) -> None:
        if self.steps < 0 or min(self.prior, self.condition, self.noise) < 0 or self.size < 1:
            raise BadInput(f"steps and strengths must not be negative, and the size at least 1: {self}")


@dataclass(frozen=True)
class PlugAndPlay:
    """What came of codes that wandered.

    Args:
        images: ``(b, 3, size, size)`` in [0, 1].
        codes: ``(b, code)``.
        probabilities: ``(b,)``, the class's at the end.
        history: ``(steps, b)``, the class's log-probability before each step.
    """

    images: Images
    codes: Codes
    probabilities: Values
    history: Float[Tensor, "steps b"]


def plug_and_play(
    model: nn.Module,
    generator: Generator,
    target: int | str,
    *,
    count: int = 4,
    recipe: PlugAndPlayRecipe | None = None,
    seed: int = 0,
    progress: bool = False,
) -> PlugAndPlay:
    """Sample images of a class: the classifier says what, the generator how {cite}`nguyen2017plug`.

    Args:
        model: Classifier; images in [0, 1] to logits.
        generator: Frozen, in evaluation mode.
        target: The class: index, name or an unmistakable part of it.
        count: Images; each begins at a random code.
        recipe: Steps and strengths.
        seed: Of the codes and of the noise.
        progress: Whether to show a bar.

    Raises:
        BadInput: no such class, no image, or a network in training mode.
    """
    recipe = recipe or PlugAndPlayRecipe()
    check_evaluated(model)
    check_evaluated(generator)
    if count < 1:
        raise BadInput(f"{count} images cannot be sampled; ask for 1 or more")
    index, device = class_index(model, target), device_of(model)
    codes = noise(range(seed, seed + count), (generator.architecture.code,), "codes").to(device)
    history: list[Tensor] = []
    for step in bar(range(recipe.steps), f"class {target}", progress):
        codes.requires_grad_()
        known = _log_probability(model, _shown(generator, codes, recipe), index)
        (gradient,) = torch.autograd.grad(known.sum(), codes)
        history.append(known.detach())
        drawn = torch.randn(codes.shape, generator=random("plug and play", seed, step)).to(device)
        codes = codes.detach() * (1 - recipe.prior) + recipe.condition * gradient + recipe.noise * drawn
    with torch.no_grad():
        images = _shown(generator, codes, recipe)
        last = _log_probability(model, images, index).exp()
    return PlugAndPlay(images, codes, last, torch.stack(history) if history else last.new_zeros((0, count)))


def _shown(generator: Generator, codes: Codes, recipe: PlugAndPlayRecipe) -> Images:
    return resized(generator(codes), (recipe.size, recipe.size))


def _log_probability(model: nn.Module, images: Images, index: int) -> Values:
    return class_logits(model, images).log_softmax(1)[:, index]
