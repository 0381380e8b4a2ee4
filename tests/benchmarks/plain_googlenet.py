"""GoogLeNet as one would write it down: the rival of our own in the benchmarks, and its oracle in the tests.

`torch.nn.LocalResponseNorm`, NCHW, one convolution after another. It takes the weights of `innerview`'s GoogLeNet.
"""

import torch
from torch import Tensor, nn

from innerview.models.googlenet import MEAN_RGB, WIDTHS, GoogLeNet, Width


def conv(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, size, stride, size // 2), nn.ReLU())


class PlainInception(nn.Module):
    def __init__(self, width: Width) -> None:
        super().__init__()
        self.a = conv(width.inputs, width.c1x1, 1)
        self.b = nn.Sequential(conv(width.inputs, width.c3x3_reduce, 1), conv(width.c3x3_reduce, width.c3x3, 3))
        self.c = nn.Sequential(conv(width.inputs, width.c5x5_reduce, 1), conv(width.c5x5_reduce, width.c5x5, 5))
        self.d = nn.Sequential(nn.MaxPool2d(3, 1, 1), conv(width.inputs, width.pool_proj, 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.a(x), self.b(x), self.c(x), self.d(x)], 1)


class PlainGoogLeNet(nn.Module):
    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        pool = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.stem = nn.Sequential(
            conv(3, 64, 7, 2), pool, nn.LocalResponseNorm(5, 1e-4, 0.75),
            conv(64, 64, 1), conv(64, 192, 3), nn.LocalResponseNorm(5, 1e-4, 0.75), pool,
        )  # fmt: skip
        blocks = {name: PlainInception(width) for name, width in WIDTHS.items()}
        self.to_4c = nn.Sequential(blocks["3a"], blocks["3b"], pool, blocks["4a"], blocks["4b"], blocks["4c"])
        self.rest = nn.Sequential(blocks["4d"], blocks["4e"], pool, blocks["5a"], blocks["5b"])
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1024, 1000))
        self.register_buffer("mean", torch.tensor(MEAN_RGB).reshape(1, 3, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.rest(self.inception_4c(images)))

    def inception_4c(self, images: Tensor) -> Tensor:
        return self.to_4c(self.stem(images * 255 - self.mean))


def plain_copy(model: GoogLeNet) -> PlainGoogLeNet:
    """Return the plain network with the weights of `model`, in NCHW, on its device."""
    plain = PlainGoogLeNet()
    ours = model.state_dict()
    theirs: dict[str, Tensor] = {}
    for kind in ("weight", "bias"):
        for place, name in ((0, "conv1_7x7_s2"), (3, "conv2_3x3_reduce"), (4, "conv2_3x3")):
            theirs[f"stem.{place}.0.{kind}"] = ours[f"{name}.conv.{kind}"]
        for name, width in WIDTHS.items():
            block = f"inception_{name}"
            place = {"3a": "to_4c.0", "3b": "to_4c.1", "4a": "to_4c.3", "4b": "to_4c.4", "4c": "to_4c.5",
                     "4d": "rest.0", "4e": "rest.1", "5a": "rest.3", "5b": "rest.4"}[name]  # fmt: skip
            parts = ours[f"{block}.entry.{kind}"].split([width.c1x1, width.c3x3_reduce, width.c5x5_reduce])
            for branch, part in zip(("a.0", "b.0.0", "c.0.0"), parts, strict=True):
                theirs[f"{place}.{branch}.{kind}"] = part
            for branch, layer in (("b.1.0", "3x3"), ("c.1.0", "5x5"), ("d.1.0", "pool_proj")):
                theirs[f"{place}.{branch}.{kind}"] = ours[f"{block}.{layer}.conv.{kind}"]
        theirs[f"head.2.{kind}"] = ours[f"loss3_classifier.{kind}"]
    contiguous = {name: tensor.contiguous() for name, tensor in theirs.items()}
    plain.load_state_dict(contiguous, strict=False)
    assert {"mean", *contiguous} == set(plain.state_dict())
    return plain.requires_grad_(False).eval().to(model.loss3_classifier.weight.device)
