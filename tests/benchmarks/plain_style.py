"""Style transfer as PyTorch's tutorial on neural style writes it: the rival of our own in the benchmarks.

Loss modules stand between the layers of an `nn.Sequential`, the targets are detached, L-BFGS has its defaults, and the
closure clamps the pixels. The convolutions are those of `innerview`'s VGG-19.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from innerview.models.vgg import VGG19
from innerview.synthesis.style import STYLE_LAYERS

CONTENT_LAYERS = ("conv4_2",)


class Normalization(nn.Module):
    def __init__(self, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.mean = mean.clone().view(-1, 1, 1)
        self.std = std.clone().view(-1, 1, 1)

    def forward(self, img: Tensor) -> Tensor:
        return (img - self.mean) / self.std


class ContentLoss(nn.Module):
    loss: Tensor

    def __init__(self, target: Tensor) -> None:
        super().__init__()
        self.target = target.detach()

    def forward(self, x: Tensor) -> Tensor:
        self.loss = F.mse_loss(x, self.target)
        return x


def gram(x: Tensor) -> Tensor:
    batch, channels, height, width = x.size()
    features = x.view(batch * channels, height * width)
    return torch.mm(features, features.t()).div(batch * channels * height * width)


class StyleLoss(nn.Module):
    loss: Tensor

    def __init__(self, target: Tensor) -> None:
        super().__init__()
        self.target = gram(target).detach()

    def forward(self, x: Tensor) -> Tensor:
        self.loss = F.mse_loss(gram(x), self.target)
        return x


def with_losses(
    vgg: VGG19,
    style: Tensor,
    content: Tensor,
    content_layers: Sequence[str] = CONTENT_LAYERS,
    style_layers: Sequence[str] = STYLE_LAYERS,
) -> tuple[nn.Sequential, list[StyleLoss], list[ContentLoss]]:
    """Return the layers up to the last loss, and the losses among them."""
    model = nn.Sequential(Normalization(vgg.normalize.mean, vgg.normalize.std))
    content_losses: list[ContentLoss] = []
    style_losses: list[StyleLoss] = []
    for name, layer in vgg.named_children():
        if name == "normalize":
            continue
        model.add_module(name, layer)
        if name in content_layers:
            content_losses.append(ContentLoss(model(content).detach()))
            model.add_module(f"content_loss_{name}", content_losses[-1])
        if name in style_layers:
            style_losses.append(StyleLoss(model(style).detach()))
            model.add_module(f"style_loss_{name}", style_losses[-1])
        if len(content_losses) == len(content_layers) and len(style_losses) == len(style_layers):
            break
    return model, style_losses, content_losses


def run_style_transfer(
    vgg: VGG19,
    content: Tensor,
    style: Tensor,
    steps: int = 300,
    *,
    style_weight: float = 1e6,
    content_weight: float = 1,
    before: Callable[[], object] = lambda: None,
) -> Tensor:
    """Return the image; `before` is called before each step."""
    model, style_losses, content_losses = with_losses(vgg, style, content)
    picture = content.clone().requires_grad_(True)
    model.eval()
    model.requires_grad_(False)
    optimizer = torch.optim.LBFGS([picture])
    run = [0]
    while run[0] < steps:

        def closure() -> Tensor:
            before()
            with torch.no_grad():
                picture.clamp_(0, 1)
            optimizer.zero_grad()
            model(picture)
            style_score = torch.stack([one.loss for one in style_losses]).sum() * style_weight
            content_score = torch.stack([one.loss for one in content_losses]).sum() * content_weight
            loss = style_score + content_score
            loss.backward()
            run[0] += 1
            return loss

        optimizer.step(closure)  # pyright: ignore[reportArgumentType]
    with torch.no_grad():
        picture.clamp_(0, 1)
    return picture
