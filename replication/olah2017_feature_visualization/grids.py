"""Grids that strides leave: in images that a decoder makes, and in the gradient of a network that looks at images."""

from collections.abc import Mapping, Sequence
from math import gcd, nan

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from innerview.core.errors import BadInput
from innerview.core.seeds import generator
from innerview.core.types import Images
from innerview.models import activations, channels_first
from innerview.models.classifier import frozen
from innerview.training import Adam, Cosine, TensorSamples, Training, TrainingRecipe, train
from replication.olah2017_feature_visualization.networks import Decoder, Upsampling

UPSAMPLINGS: tuple[Upsampling, ...] = ("deconvolution", "resize")
PERIODS = (2, 4, 8, 16)
"""Pixels after which the grids of strides repeat: one, two, three and four layers of stride 2 away from the pixels."""


def power_spectrum(images: Tensor) -> Tensor:
    """Return the mean power ``(h, w)`` of images ``(b, c, h, w)`` over images and colours, frequency zero first.

    Each plane's mean is taken away; a Hann window keeps its borders from counting as edges. The window spreads a grid
    that fits into the image over the nearest frequencies and no further.
    """
    planes = images.detach().cpu().double().flatten(0, 1)
    height, width = planes.shape[-2:]
    window = torch.hann_window(height, dtype=torch.float64)[:, None] * torch.hann_window(width, dtype=torch.float64)
    centred = planes - planes.mean((1, 2), keepdim=True)
    return torch.fft.fft2(centred * window).abs().square().mean(0)


def peak_ratio(power: Tensor, period: int) -> float:
    """Return how far a grid stands out: the power at its frequencies over that around them; 1 where there is no grid.

    Its frequencies are the multiples of 1 / period in both directions that belong to no shorter period. Around each lie
    16 others, two steps away. Both powers are averaged over the grid's frequencies. NaN where there is no power.

    Args:
        power: ``(h, w)`` of `power_spectrum`.
        period: In pixels; above 1.

    Raises:
        BadInput: the image does not hold the period a whole number of times, and at least four times.
    """
    height, width = power.shape
    if period < 2 or any(length % period or length < 4 * period for length in (height, width)):
        raise BadInput(
            f"a period of {period} pixels needs sides of a multiple of it, at least four times; not {height}x{width}"
        )
    places = [
        (row * height // period, column * width // period)
        for row in range(period)
        for column in range(period)
        if gcd(gcd(row, column), period) == 1
    ]
    ring = [(down, right) for down in range(-2, 3) for right in range(-2, 3) if max(abs(down), abs(right)) == 2]
    peaks = sum(float(power[place]) for place in places)
    around = sum(
        float(power[(row + down) % height, (column + right) % width]) for row, column in places for down, right in ring
    )
    return peaks / (around / len(ring)) if around else nan


def profile(images: Tensor, period: int) -> Tensor:
    """Return the mean size of pixels by their place modulo `period`, ``(period, period)``, over that of all pixels.

    Args:
        images: ``(b, c, h, w)``, such as gradients.
        period: In pixels.

    Raises:
        BadInput: the image does not hold the period a whole number of times.
    """
    if any(length % period for length in images.shape[-2:]):
        raise BadInput(f"images of {images.shape[-2]}x{images.shape[-1]} hold no whole number of {period} pixels")
    sizes = images.detach().cpu().double().abs().mean((0, 1))
    means = sizes.unflatten(0, (-1, period)).unflatten(2, (-1, period)).mean((0, 2))
    return means / sizes.mean()


def gradient_grid(
    model: nn.Module, layer: str, channels: Sequence[int], images: Images, periods: Sequence[int] = PERIODS
) -> dict[str, Tensor]:
    """Measure the grid in the gradient of channels' means with respect to the pixels {cite}`olah2017feature`.

    Some pixels reach the channel on more ways than others. Where the gradient's sign changes from place to place, this
    makes no line in its spectrum, but one in the spectrum of its strength, the mean of its size over the colours.

    Args:
        model: Images to whatever.
        layer: Whose channels.
        channels: Their indices; each is looked at on every image.
        images: ``(b, 3, h, w)``, such as those of `noise`.
        periods: In pixels.

    Returns:
        ``gradient`` ``(3, h, w)`` of the first channel and image; ``power`` ``(h, w)``, the mean spectrum of all
        gradients, each scaled to the same strength, frequency zero in the middle; ``periods``, ``ratios`` ``(p,)``, see
        `peak_ratio`; ``strength/power``, ``strength/ratios``, the same of the strength; and ``profile/PERIOD``
        ``(period, period)``, see `profile`.
    """
    gradients = torch.cat([_gradient(model, layer, channel, images) for channel in channels])
    scaled = (gradients / gradients.square().mean((1, 2, 3), keepdim=True).sqrt().clamp(min=1e-30)).cpu()
    strength = _measured(scaled.abs().mean(1, keepdim=True), periods)
    found = {f"strength/{name}": strength[name] for name in ("power", "ratios")}
    return _measured(scaled, periods) | found | {"gradient": gradients[0].cpu()}


def _gradient(model: nn.Module, layer: str, channel: int, images: Images) -> Images:
    leaf = images.detach().clone().requires_grad_()
    read = channels_first(activations(model, leaf, [layer])[layer])
    (gradient,) = torch.autograd.grad(read[:, channel].flatten(1).mean(1).sum(), leaf)
    return gradient


def _measured(images: Tensor, periods: Sequence[int]) -> dict[str, Tensor]:
    """Return spectrum, peaks and profiles of images."""
    power = power_spectrum(images)
    ratios = torch.tensor([peak_ratio(power, period) for period in periods], dtype=torch.float64)
    profiles = {f"profile/{period}": profile(images, period) for period in periods}
    shifted = torch.fft.fftshift(power)
    return {"power": shifted, "periods": torch.tensor(periods), "ratios": ratios} | profiles


def noise(count: int, size: int, seed: int = 0) -> Images:
    """Return grey noise ``(count, 3, size, size)``: a spectrum without peaks to begin with."""
    drawn = torch.randn((count, 3, size, size), generator=generator("grid", seed, size))
    return (0.5 + 0.1 * drawn).clamp(0, 1)


def checkerboard(
    photographs: Images, *, steps: int = 300, decoders: int = 16, periods: Sequence[int] = (2, 4, 8), seed: int = 0
) -> dict[str, Tensor]:
    """Measure the grid in what decoders make that double the size in either way {cite}`odena2016checkerboard`.

    Args:
        photographs: ``(n, 3, 64, 64)`` that a decoder of each kind learns to draw from a fixed latent each.
        steps: Of that training, of 16 photographs each.
        decoders: Of each kind whose images are measured without training, four images of each.
        periods: In pixels.
        seed: Of weights and latents.

    Returns:
        ``photographs/…``, ``KIND/untrained/…`` and ``KIND/trained/…`` with ``power``, ``periods``, ``ratios`` and
        ``profile/PERIOD`` as for `gradient_grid`, and ``images``, four of them; ``KIND/history``, each step's mean
        squared error; and the trained weights as ``KIND/weights/NAME`` for `decoder_of`.
    """
    latents = torch.randn((len(photographs), 64), generator=generator("latents", seed))
    measured = {"photographs": photographs}
    learnt: dict[str, Tensor] = {}
    for kind in UPSAMPLINGS:
        with torch.no_grad():
            few = torch.randn((4, 64), generator=generator("latents of the untrained", seed))
            measured[f"{kind}/untrained"] = torch.cat([Decoder(kind, seed=seed + i)(few) for i in range(decoders)])
        result = _learnt(Decoder(kind, seed=seed), latents, photographs, steps)
        with torch.no_grad():
            measured[f"{kind}/trained"], learnt[f"{kind}/history"] = result.model(latents), result.history
        learnt |= {f"{kind}/weights/{name}": tensor for name, tensor in result.model.state_dict().items()}
    found = {
        f"{name}/{part}": tensor
        for name, images in measured.items()
        for part, tensor in (_measured(images, periods) | {"images": images[:4].clone()}).items()
    }
    return found | learnt


def decoder_of(found: Mapping[str, Tensor], kind: Upsampling) -> Decoder:
    """Return a trained decoder of `checkerboard`."""
    prefix = f"{kind}/weights/"
    weights = {name.removeprefix(prefix): tensor for name, tensor in found.items() if name.startswith(prefix)}
    decoder = Decoder(kind, latent=weights["first.weight"].shape[1])
    decoder.load_state_dict(weights)
    return frozen(decoder)


def _learnt(decoder: Decoder, latents: Tensor, photographs: Images, steps: int) -> Training:
    """Let a decoder learn to draw a photograph from each latent."""
    batch = min(16, len(photographs))
    epochs = -(-steps // (len(photographs) // batch))
    recipe = TrainingRecipe(epochs=epochs, batch=batch, optimizer=Adam(5e-3), schedule=Cosine())
    return train(decoder, TensorSamples((latents, photographs)), _squared_error, recipe)


def _squared_error(model: nn.Module, latents: Tensor, photographs: Images) -> Tensor:
    return F.mse_loss(model(latents), photographs)
