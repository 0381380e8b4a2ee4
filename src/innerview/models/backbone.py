"""A network up to one of its layers, for what is trained on top of it."""

import copy
from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import nn

from innerview.core.errors import BadInput
from innerview.core.gradients import differentiable
from innerview.core.types import Activations, Images
from innerview.models.activations import activations
from innerview.models.classifier import frozen
from innerview.models.layers import aliases, find_layer


class Backbone(nn.Module):
    """A copy of a network, cut off behind a layer: frozen, from images to what the layer puts out.

    What the layer does not need is taken out of the copy, so that it is neither kept nor trained.

    Args:
        model: Any network that takes images ``(b, 3, 224, 224)`` in [0, 1].
        layer: The last layer.
        dense: Max-pooling layers that shall keep the resolution: a window of 3 pixels moved by one, as ACoL has it for
            the last pools of VGG {cite}`zhang2018acol`.

    Raises:
        LayerNotFound: the model has no such layer.
        BadInput: a layer of `dense` is no max-pooling, or the model has no weights.
    """

    def __init__(self, model: nn.Module, layer: str, dense: Sequence[str] = ()) -> None:
        super().__init__()
        self.network = frozen(copy.deepcopy(model))
        self.layer = layer
        find_layer(self.network, layer)
        for name in dense:
            path = aliases(self.network).get(name, name)
            pool = find_layer(self.network, path)
            if not isinstance(pool, nn.MaxPool2d):
                raise BadInput(f"{name} is a {type(pool).__name__}, not a max-pooling that could be dense")
            self.network.set_submodule(path, nn.MaxPool2d(3, stride=1, padding=1))
        self._trim()
        self.eval()

    def forward(self, images: Images) -> Activations:
        return activations(self.network, images, self.layer)[self.layer]

    @property
    def channels(self) -> int:
        """How many the layer puts out for an image of 224 pixels."""
        device = next(self.network.parameters()).device
        with torch.no_grad():
            return self(torch.full((1, 3, 224, 224), 0.5, device=device)).shape[1]

    def extra_repr(self) -> str:
        return f"layer={self.layer!r}"

    def _trim(self) -> None:
        """Take out the modules that have weights, none of which the layer depends on."""
        weights = list(self.network.requires_grad_().parameters())
        if not weights:
            raise BadInput(f"{type(self.network).__name__} has no weights; a backbone is a network that was trained")
        with differentiable():
            reached = self(torch.full((1, 3, 224, 224), 0.5, device=weights[0].device))
            slopes = torch.autograd.grad(reached.sum(), weights, allow_unused=True)
        self.network.requires_grad_(requires_grad=False)
        needed = {id(weight) for weight, slope in zip(weights, slopes, strict=True) if slope is not None}
        for name, module in list(self.network.named_modules()):
            own = {id(weight) for weight in module.parameters()}
            if name and own and needed.isdisjoint(own):
                self.network.set_submodule(name, nn.Identity())


def stage(model: nn.Module, start: str, end: str) -> nn.Sequential:
    """Return a copy of the blocks of a network behind `start` up to `end`: what `start` puts out to what `end` does.

    So the lower part of a network can stay as it is, its features being computed once, and the upper part be trained.

    Args:
        model: A network whose direct children run one after another, as those of GoogLeNet and VGG-19 do.
        start: One of these children.
        end: A later one.

    Raises:
        LayerNotFound: the model has no such layer.
        BadInput: they are no direct children in this order, or the network is not what its children do one after
            another up to `end`.
    """
    names = list(dict(model.named_children()))
    ends = [aliases(model).get(name, name) for name in (start, end)]
    for name in ends:
        find_layer(model, name)
    if not all(name in names for name in ends) or names.index(ends[0]) >= names.index(ends[1]):
        raise BadInput(f"{start!r} and {end!r} are no two blocks of {type(model).__name__}, one after the other")
    blocks = [model.get_submodule(name) for name in names[names.index(ends[0]) + 1 : names.index(ends[1]) + 1]]
    made = nn.Sequential(OrderedDict(zip(names[names.index(ends[0]) + 1 :], copy.deepcopy(blocks), strict=False)))
    images = torch.full((1, 3, 224, 224), 0.5, device=next(model.parameters()).device)
    with torch.no_grad():
        read = activations(model, images, ends)
        wanted = read[ends[1]]
        if not torch.allclose(frozen(made)(read[ends[0]]), wanted, atol=1e-3 * float(wanted.abs().max())):
            raise BadInput(f"{type(model).__name__} does not run its blocks from {start!r} to {end!r} in a row")
    return made
