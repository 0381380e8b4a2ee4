"""How sure a number measured on a sample of images is."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Shaped
from torch import Tensor

from innerview.core.errors import BadInput, NotFinite
from innerview.core.seeds import generator

COVERAGE = 0.95


@dataclass(frozen=True)
class Interval:
    """A measured number and the ends of its 95 % interval."""

    middle: float
    low: float
    high: float


def bootstrap(
    values: Shaped[Tensor, "b *rest"],
    statistic: Callable[[Tensor], Tensor | float] = torch.mean,
    draws: int = 2000,
    seed: int = 0,
) -> Interval:
    """Measure a statistic and its 95 % percentile interval over images {cite}`efron1993bootstrap`.

    The images are drawn again with replacement, as many as there are, and the statistic is taken of each draw.

    Args:
        values: What was measured on each image, a number or a row of them; truth values count as 0 and 1.
        statistic: From values of any images, in float64, to one number.
        draws: How often all images are drawn again.
        seed: Of the draws.

    Returns:
        The statistic of the images themselves, and the 2.5 and 97.5 % quantiles of those of the draws.

    Raises:
        BadInput: no values, or no draws.
        NotFinite: a value or a statistic is NaN or infinite.
    """
    if not len(values) or draws < 1:
        raise BadInput(f"{len(values)} values drawn {draws} times give no interval; give at least one of each")
    known = values.detach().cpu().double()
    if not torch.isfinite(known).all():
        raise NotFinite("some values are NaN or infinite; leave those images out, and say so")
    random = generator("bootstrap", seed)
    drawn = [float(statistic(known[torch.randint(len(known), (len(known),), generator=random)])) for _ in range(draws)]
    tails = torch.tensor([(1 - COVERAGE) / 2, (1 + COVERAGE) / 2], dtype=torch.float64)
    low, high = torch.quantile(torch.tensor(drawn, dtype=torch.float64), tails).tolist()
    found = Interval(float(statistic(known)), low, high)
    if not torch.isfinite(torch.tensor([found.middle, low, high])).all():
        raise NotFinite("the statistic is NaN or infinite for some draw of the images; use one that is always a number")
    return found
