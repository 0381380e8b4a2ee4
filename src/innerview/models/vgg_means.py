r"""VGG-19 normalised for texture and style {cite}`gatys2015texture`: the mean activation of each channel is one.

Rectification and pooling commute with a positive factor for each channel. So a factor for each channel can be put into
the weights of its convolution and taken out again in those of the next, and the network stays what it was but for the
scale of its activations,

$$W'_{ij} = \frac{m^{l-1}_j}{m^l_i} W_{ij}, \qquad b'_i = \frac{b_i}{m^l_i}$$

where $m^l_i$ is the mean of channel $i$ of layer $l$ over photographs and positions. These means are stored as numbers
beside this file; ``python -m innerview.models.vgg_means`` computes them again.
"""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from math import inf
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from innerview.assets import fetch
from innerview.core.errors import BadInput
from innerview.core.files import written_whole
from innerview.core.images import center_crop, read_image
from innerview.core.progress import progress
from innerview.core.types import AnyImages, Images
from innerview.models.activations import activations
from innerview.models.vgg import VGG19, Pooling, read_vgg19

STORED: Final = Path(__file__).with_name("vgg19_means.json")
SIDE: Final = 224
EVERY: Final = 4
"""Of the 1000 sample photographs, one for each class of ImageNet, every fourth is looked at."""


def mean_activations(model: nn.Module, batches: Iterable[AnyImages]) -> dict[str, Tensor]:
    """Return the mean activation of each channel over images and positions, behind the rectification.

    Args:
        model: A network whose convolutions are called ``conv…`` and their rectifications ``relu…``, as VGG-19's.
        batches: Images ``(b, 3, h, w)`` in [0, 1], of one size.

    Returns:
        Name of each convolution -> ``(c,)``, in double precision.

    Raises:
        BadInput: no images.
    """
    convolutions = [name for name, layer in model.named_children() if isinstance(layer, nn.Conv2d)]
    rectified = {name: name.replace("conv", "relu") for name in convolutions}
    sums: dict[str, Tensor] = {}
    count = 0
    with torch.inference_mode():
        for images in batches:
            read = activations(model, images, rectified.values())
            count += len(images)
            for name, layer in rectified.items():
                sums[name] = sums.get(name, 0) + read[layer].double().mean((2, 3)).sum(0)
    if not count:
        raise BadInput("means over no images are nothing; give at least one")
    return {name: total / count for name, total in sums.items()}


def normalize_activations(model: nn.Module, means: Mapping[str, Tensor]) -> None:
    """Divide the activations of a plain network by their means, in place; see the module's equation.

    A channel that never was active keeps its scale.

    Args:
        model: Convolutions one after another, with nothing between them but rectification and pooling.
        means: See `mean_activations`.

    Raises:
        BadInput: means are missing, of another number than the channels, negative, or not finite; nothing was changed.
    """
    convolutions = {name: layer for name, layer in model.named_children() if isinstance(layer, nn.Conv2d)}
    for name, layer in convolutions.items():  # all of them first: half a network must not be divided
        mean = means.get(name)
        if mean is None or len(mean) != layer.out_channels or not bool(((mean >= 0) & (mean < inf)).all()):
            raise BadInput(f"{name} needs {layer.out_channels} means of at least 0; compute them with mean_activations")
    before = None
    for name, layer in convolutions.items():
        mean = means[name].to(layer.weight.device)
        scale = torch.where(mean > 0, mean, 1).double()
        with torch.no_grad():
            weight = layer.weight.double() / scale[:, None, None, None]
            layer.weight.copy_(weight if before is None else weight * before[:, None, None])
            if layer.bias is not None:
                layer.bias.copy_(layer.bias.double() / scale)
        before = scale


def read_normalized_vgg19(
    quantised: Mapping[str, Path], exact: Mapping[str, Path], pooling: Pooling = "average"
) -> VGG19:
    """Build VGG-19 as `innerview.models.vgg.read_vgg19` does, normalised by the means that are stored."""
    model = read_vgg19(quantised, exact, pooling)
    normalize_activations(model, stored_means(pooling))
    return model


@cache
def stored_means(pooling: Pooling) -> Mapping[str, Tensor]:
    """Return the means that come with Innerview, for a kind of pooling."""
    found = json.loads(STORED.read_text(encoding="utf-8"))["means"][pooling]
    return {name: torch.tensor(values, dtype=torch.float64) for name, values in found.items()}


def sample_photographs(every: int = EVERY, first: int = 0, batch: int = 10) -> Iterable[Images]:
    """Yield the sample photographs over which the means are taken: the middle squares, 224 pixels a side.

    Args:
        every: Only each so many-th.
        first: Where to begin; 1 to ``every - 1`` give photographs that the means have not seen.
        batch: How many at a time.

    Raises:
        AssetUnavailable: the photographs cannot be had.
    """
    paths = sorted(fetch("imagenet_sample").values())[first::every]
    for start in range(0, len(paths), batch):
        yield torch.cat([center_crop(read_image(path, SIDE), SIDE) for path in paths[start : start + batch]])


def main() -> None:
    """Compute the means for both kinds of pooling, and store them."""
    from innerview.models.registry import load_model  # noqa: PLC0415

    kinds: tuple[Pooling, ...] = ("max", "average")
    means = {}
    for pooling in kinds:
        model = load_model("vgg19", pooling=pooling)
        found = mean_activations(model, progress(list(sample_photographs()), pooling))
        means[pooling] = {name: [float(f"{value:.5g}") for value in mean.tolist()] for name, mean in found.items()}
    told = {"photographs": f"every {EVERY}th of the asset imagenet_sample, the middle {SIDE} pixels", "means": means}
    with written_whole(STORED) as temporary:
        temporary.write_text(json.dumps(told) + "\n", encoding="utf-8")
    print(STORED.name)


if __name__ == "__main__":
    main()
