"""What generators are trained to: the two losses, each for `innerview.training.train`.

Both look at images through the lower layers of a network that is frozen: features tell what matters to it better than
pixels do {cite}`dosovitskiy2016generating`, and a discriminator on them learns from few images
{cite}`sauer2021projected`.
"""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from innerview.core.seeds import generator as random
from innerview.core.types import AnyImages, Images
from innerview.models import Backbone, activations
from innerview.models.classifier import frozen
from innerview.synthesis.generators import Generator, VariationalAutoencoder

LAYERS: Final = ("conv1_7x7_s2", "conv2_norm2", "inception_3b")
"""Of GoogLeNet, through which images are looked at."""


class Looking(nn.Module):
    """A frozen network that is run up to the last of some layers; images are enlarged before."""

    def __init__(self, model: nn.Module, layers: Sequence[str], size: int) -> None:
        super().__init__()
        self.network, self.names, self.size = Backbone(model, layers[-1]).network, tuple(layers), size

    def forward(self, images: AnyImages) -> list[Tensor]:
        enlarged = F.interpolate(images, (self.size, self.size), mode="bilinear", align_corners=False)
        read = activations(self.network, enlarged, self.names)
        return [read[name] for name in self.names]


class AutoencoderLoss:
    r"""The negative evidence lower bound {cite}`kingma2014vae`, with distances of features beside those of pixels.

    $$\frac{1}{2 \sigma^2} \lVert x - G(z) \rVert^2 + w \sum_l \lVert \phi_l(x) - \phi_l(G(z)) \rVert^2 / \lVert
    \phi_l(x) \rVert^2 + D_{KL}(q(z|x) \,\Vert\, \mathcal{N}(0, I))$$

    Args:
        model: The network that looks.
        layers: Through which it looks.
        deviation: $\sigma$, of the pixels.
        features: $w$.
    """

    def __init__(
        self, model: nn.Module, layers: Sequence[str] = LAYERS, deviation: float = 0.5, features: float = 150.0
    ) -> None:
        self.looking, self.deviation, self.features = Looking(model, layers, 64), deviation, features

    def __call__(self, model: VariationalAutoencoder, images: Images) -> Float[Tensor, ""]:
        mean, log_variance = model.encoder(images)
        made = model.generator(mean + (log_variance / 2).exp() * torch.randn_like(mean))
        pixels = (made - images).square().sum((1, 2, 3)).mean() / (2 * self.deviation**2)
        with torch.no_grad():
            wanted = self.looking(images)
        apart = [
            (one - other).square().sum((1, 2, 3)) / other.square().sum((1, 2, 3))
            for one, other in zip(self.looking(made), wanted, strict=True)
        ]
        features = torch.stack(apart).sum(0).mean()
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()
        return pixels + self.features * features + divergence


class Discriminator(nn.Module):
    """Tells photographs from what a generator makes, at several depths at once {cite}`sauer2021projected`.

    A small network looks at the pixels; the others at features of the frozen network, each mixed by a random projection
    that stays as it is, so that no channel can be passed over. Each gives a score to each of its positions.

    Args:
        model: The network that looks.
        layers: Through which it looks.
        size: To which images are enlarged for it, in pixels.
        width: Channels of each part.
    """

    def __init__(self, model: nn.Module, layers: Sequence[str] = LAYERS, size: int = 64, width: int = 64) -> None:
        super().__init__()
        self.looking = Looking(model, layers, size)
        with torch.no_grad():
            channels = [maps.shape[1] for maps in self.looking(torch.full((1, 3, 64, 64), 0.5))]
        for index, count in enumerate(channels):
            mixing = torch.randn(width, count, 1, 1, generator=random("projection", index)) / count**0.5
            self.register_buffer(f"mixing{index}", mixing)
        self.judges = nn.ModuleList([_judge(3, width // 2), *(_judge(width, width) for _ in layers)])

    def forward(self, images: Images) -> Float[Tensor, "b judges"]:
        return self.judged(self.seen(images))

    def seen(self, images: Images) -> list[Tensor]:
        """Return what each judge looks at: no part of it is trained."""
        read = self.looking(images)
        mixed = [F.conv2d(_normalized(maps), getattr(self, f"mixing{index}")) for index, maps in enumerate(read)]
        return [2 * images - 1, *mixed]

    def judged(self, seen: Sequence[Tensor]) -> Float[Tensor, "b judges"]:
        """Return the mean score of each judge, above 0 for photographs."""
        scores = [judge(maps).flatten(1).mean(1) for judge, maps in zip(self.judges, seen, strict=True)]
        return torch.stack(scores, 1)


def _normalized(maps: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
    """Scale the features of each image to a mean square of 1, for layers differ by orders of magnitude."""
    return maps / maps.square().mean((1, 2, 3), keepdim=True).sqrt().clamp(min=1e-6)


def _judge(channels: int, width: int) -> nn.Sequential:
    """Halve the height and width, and score each position."""
    return nn.Sequential(
        spectral_norm(nn.Conv2d(channels, width, 4, 2, 1)),
        nn.LeakyReLU(0.2),
        spectral_norm(nn.Conv2d(width, width, 3, 1, 1)),
        nn.LeakyReLU(0.2),
        spectral_norm(nn.Conv2d(width, 1, 1)),
    )


class Adversaries(nn.Module):
    """A generator, its discriminator, and the running mean of the generator's weights, which makes better images.

    Args:
        discriminator: What the generator is to deceive.
        generator: Is trained; that of an autoencoder has less to learn {cite}`larsen2016autoencoding`.
        decay: Of the running mean, a step.
    """

    def __init__(self, discriminator: Discriminator, generator: Generator, decay: float = 0.995) -> None:
        super().__init__()
        self.generator, self.discriminator, self.decay = generator, discriminator, decay
        self.averaged = frozen(copy.deepcopy(self.generator))

    @torch.no_grad()
    def average(self) -> None:
        """Take the generator's weights of now into the mean."""
        now = self.generator.state_dict()
        for name, tensor in self.averaged.state_dict().items():
            if tensor.is_floating_point():
                tensor.lerp_(now[name], 1 - self.decay)


def adversarial_loss(model: Adversaries, images: Images) -> Float[Tensor, ""]:
    r"""The hinge loss of both sides, each with respect to its own weights {cite}`lim2017geometric`.

    The discriminator minimises $\max(0, 1 - D(x)) + \max(0, 1 + D(G(z)))$, the generator $-D(G(z))$; both take their
    step at once. What the discriminator sees is changed at random, the same kinds of changes for photographs and made
    images, or it would know 3000 photographs by heart {cite}`zhao2020diffaugment`.

    Args:
        model: Both sides.
        images: Photographs, ``(b, 3, 64, 64)`` in [0, 1].
    """
    model.average()
    made = model.generator(torch.randn(len(images), model.generator.architecture.code, device=images.device))
    discriminator = model.discriminator
    with torch.no_grad():
        photographs = discriminator.seen(altered(images))
    shown = discriminator.seen(altered(made))
    right, wrong = discriminator.judged(photographs), discriminator.judged([maps.detach() for maps in shown])
    told = (F.relu(1 - right) + F.relu(1 + wrong)).mean()
    with _held(discriminator.judges):
        deceived = -discriminator.judged(shown).mean()
    return told + deceived


@contextmanager
def _held(module: nn.Module) -> Iterator[None]:
    """Let no gradient reach the weights of what runs in the block, only go through them."""
    asked = [parameter for parameter in module.parameters() if parameter.requires_grad]
    for parameter in asked:
        parameter.requires_grad = False
    try:
        yield
    finally:
        for parameter in asked:
            parameter.requires_grad = True


def altered(images: Images) -> Images:
    """Change brightness, saturation and contrast, move by up to an eighth, and cover a part of each image by grey.

    Gradients go through all of it {cite}`zhao2020diffaugment`. The numbers are torch's own random ones.
    """
    count, _, height, width = images.shape
    drawn = torch.rand(3, count, 1, 1, 1, device=images.device)
    images = images + (drawn[0] - 0.5) * 0.5
    grey = images.mean(1, keepdim=True)
    images = grey + (images - grey) * drawn[1] * 2
    middle = images.mean((1, 2, 3), keepdim=True)
    images = middle + (images - middle) * (drawn[2] + 0.5)
    return _covered(_moved(images, height // 8), height // 2, width // 2)


def _moved(images: Images, farthest: int) -> Images:
    count, _, height, width = images.shape
    down, across = torch.randint(-farthest, farthest + 1, (2, count, 1), device=images.device)
    rows = (torch.arange(height, device=images.device) + down).clamp(0, height - 1)
    columns = (torch.arange(width, device=images.device) + across).clamp(0, width - 1)
    numbers = torch.arange(count, device=images.device)[:, None, None]
    return images.movedim(1, -1)[numbers, rows[:, :, None], columns[:, None, :]].movedim(-1, 1)


def _covered(images: Images, high: int, wide: int) -> Images:
    count, _, height, width = images.shape
    top = torch.randint(1 - high // 2, height - high // 2, (count, 1, 1), device=images.device)
    left = torch.randint(1 - wide // 2, width - wide // 2, (count, 1, 1), device=images.device)
    rows = torch.arange(height, device=images.device)[:, None]
    columns = torch.arange(width, device=images.device)
    inside = (rows >= top) & (rows < top + high) & (columns >= left) & (columns < left + wide)
    return torch.where(inside[:, None], 0.5, images)
