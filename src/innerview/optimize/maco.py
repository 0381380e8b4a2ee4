"""MACO: images whose spatial frequencies keep the strength that they have in photographs {cite}`fel2023maco`."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from innerview.core.errors import BadInput
from innerview.core.seeds import generator
from innerview.core.types import Images
from innerview.optimize.colors import Colored, planes_of
from innerview.optimize.parameterizations import frequencies

CONTRAST = 1.78
"""Standard deviation of the planes of an image that has the mean magnitude of 250 Imagenette photographs at 128 pixels
(1.95, 1.72 and 1.63 for the three planes)."""


@dataclass(frozen=True, eq=False)
class Maco:
    r"""Only the phase of each spatial frequency changes, the magnitude is fixed.

    $$x = \mathcal{F}^{-1}\big(r\, e^{i \varphi}\big)$$

    then decorrelated colours, then a sigmoid. Phases start uniform; the mean is grey. (The released code starts them
    normal and standardises them at each step, which leaves a bright spot in a corner.)

    A learning rate of 0.2, radians a step, does well: with `RELEASED` at 128 pixels and 128 steps, or with
    ``(ZoomSchedule(0.6, 0.25, size=160), Noise(0.08))`` at 384 pixels and 256 steps, where one object forms in the
    middle; `MACO` wants larger images yet. 0.5 and above do not settle.

    Args:
        magnitude: $r$, ``(3, h, w // 2 + 1)``, of the decorrelated planes; see `mean_magnitude`. By default one over
            the frequency.
    """

    magnitude: Tensor | None = None

    def start(self, seeds: Sequence[int], size: tuple[int, int]) -> nn.Module:
        """See `innerview.optimize.parameterizations.Parameterization`.

        Raises:
            BadInput: the magnitude is of another size.
        """
        shape = (3, size[0], size[1] // 2 + 1)
        magnitude = _one_over_f(size) if self.magnitude is None else self.magnitude
        if tuple(magnitude.shape) != shape:
            raise BadInput(
                f"images of {size[0]}x{size[1]} pixels need a magnitude of shape {shape}, not"
                f" {tuple(magnitude.shape)}; make it with mean_magnitude from photographs of that size"
            )
        draws = [torch.rand(shape, generator=generator("start", seed)) for seed in seeds]
        return Colored(PhasePlanes(2 * torch.pi * torch.stack(draws), magnitude, size), decorrelated=True)


def mean_magnitude(images: Images) -> Tensor:
    """Return the mean magnitude of photographs at each spatial frequency, ``(3, h, w // 2 + 1)``, for `Maco`.

    It is that of the planes which decorrelated colours and a sigmoid turn into the photographs. Each plane's mean is
    taken away, and a Hann window fades the borders out: left and right do not fit together, and the edge between them
    would come back as a lattice all over the images. (The paper's have no window.)
    """
    planes = planes_of(images)
    height, width = (torch.hann_window(side, device=images.device) for side in images.shape[-2:])
    window = height[:, None] * width
    faded = (planes - planes.mean((2, 3), keepdim=True)) * window / window.square().mean().sqrt()
    return torch.fft.rfft2(faded, norm="ortho").abs().mean(0)


def _one_over_f(size: tuple[int, int]) -> Tensor:
    strength = frequencies(size).clamp(min=1 / max(size)).pow(-1)
    strength[0, 0] = 0
    planes = torch.fft.irfft2(strength, s=size, norm="ortho")
    return (CONTRAST * strength / planes.square().mean().sqrt()).expand(3, -1, -1).contiguous()


class PhasePlanes(nn.Module):
    """Planes from phases ``(b, 3, h, w // 2 + 1)`` and a magnitude of that shape; each plane's mean is zero."""

    magnitude: Tensor

    def __init__(self, phase: Tensor, magnitude: Tensor, size: tuple[int, int]) -> None:
        super().__init__()
        self.phase = nn.Parameter(phase)
        self.size = size
        without_mean = magnitude.clone()
        without_mean[..., 0, 0] = 0
        self.register_buffer("magnitude", without_mean, persistent=False)

    def forward(self) -> Tensor:
        spectrum = torch.polar(self.magnitude.expand_as(self.phase), self._odd())
        return torch.fft.irfft2(spectrum, s=self.size, norm="ortho")

    def _odd(self) -> Tensor:
        """Return the phases such that the planes are real: columns that hold their own mirror image are made odd."""
        width = self.size[1]
        own = torch.tensor([0] if width % 2 else [0, width // 2], device=self.phase.device)
        half = self.phase[..., own]
        mirrored = half.flip(-2).roll(1, -2)
        return self.phase.index_copy(-1, own, half - mirrored)
