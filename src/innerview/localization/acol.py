r"""Adversarial complementary learning {cite}`zhang2018acol`: two classifiers, the second sees what the first left out.

Classifier A learns from all features. Where its map of the true class is strong, the features are erased, and
classifier B has to learn from the rest. So B looks at other parts of the object, and both maps together cover more.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from innerview.attribution import Target
from innerview.attribution.targets import ClassScores, scoring
from innerview.core.errors import BadInput
from innerview.core.maps import unit_range
from innerview.core.seeds import generator
from innerview.core.types import Images, LayerMaps, Logits
from innerview.models import Backbone
from innerview.training import Group

Features = Float[Tensor, "b channels rows columns"]
Labels = Int[Tensor, " b"]
BranchLogits = Float[Tensor, "branches b classes"]

PACES: Final = (
    Group("heads.*.bias", 20.0), Group("heads.*", 10.0), Group("*.bias", 2.0)
)  # fmt: skip
"""Learning rates of the released code, where the backbone learns, too: the heads' weights 10 times its own, biases
twice their weights'."""


class Branch(nn.Sequential):
    """One classifier: two convolutions, then one of size 1 that gives each class a map.

    The mean of a class's map over all positions is the class's logit. So the map is there in the forward pass, and
    equal to CAM up to the bias, which is the same everywhere ({cite}`zhang2018acol`, Sec. 3.1).

    Args:
        channels: Of the features.
        classes: How many.
        width: Channels of both convolutions.
        seed: Of the weights (Xavier's, as released); biases start at zero.
    """

    def __init__(self, channels: int, classes: int, width: int, *seed: int | str) -> None:
        layers = {
            "conv6": nn.Conv2d(channels, width, 3, padding=1),
            "relu6": nn.ReLU(),
            "conv7": nn.Conv2d(width, width, 3, padding=1),
            "relu7": nn.ReLU(),
            "maps": nn.Conv2d(width, classes, 1),
        }
        super().__init__(OrderedDict(layers))
        random = generator("branch", *seed)
        for layer in self:
            if isinstance(layer, nn.Conv2d):
                nn.init.xavier_uniform_(layer.weight, generator=random)
                nn.init.zeros_(layer.bias)  # pyright: ignore[reportArgumentType]


@dataclass(frozen=True)
class BranchMaps:
    """The localization maps of one class of each image, at the features' resolution.

    Args:
        a: Classifier A's, signed, in logits.
        b: Classifier B's, on features erased where A's is strong; None for a network of one branch.
    """

    a: LayerMaps
    b: LayerMaps | None = None

    @property
    def fused(self) -> LayerMaps:
        """The larger of both maps at each position, each scaled to [0, 1] before (Algorithm 1)."""
        scaled = unit_range(self.a)
        return scaled if self.b is None else torch.maximum(scaled, unit_range(self.b))


class AcolHeads(nn.Module):
    """The classifiers A and B on shared features, or A alone: a plain network with global average pooling (GAP).

    Args:
        channels: Of the features.
        classes: How many.
        width: Channels of each branch's convolutions; 1024 in the paper.
        delta: Features are erased where A's map of the true class, scaled to [0, 1], is at least this. None: no
            classifier B.
        smoothing: Side of the windows over which features are averaged before; the released code has 3, the paper
            none, which is 1.
        seed: Of the first weights.

    Raises:
        BadInput: a size that is not positive, an even window, or `delta` outside (0, 1).
    """

    def __init__(
        self, channels: int, classes: int, *, width: int = 1024, delta: float | None = 0.6, smoothing: int = 1,
        seed: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        if min(channels, classes, width) < 1 or smoothing < 1 or smoothing % 2 == 0:
            raise BadInput(
                f"heads need at least one channel ({channels}), class ({classes}) and unit of width ({width}), and an "
                f"odd window ({smoothing})"
            )
        if delta is not None and not 0 < delta < 1:
            raise BadInput(f"delta must lie in (0, 1), not {delta}: the map that it cuts is scaled to [0, 1]")
        self.classes, self.delta, self.smoothing = classes, delta, smoothing
        self.a = Branch(channels, classes, width, "a", seed)
        self.b = None if delta is None else Branch(channels, classes, width, "b", seed)

    def forward(self, features: Features, labels: Labels | None = None) -> Tensor:
        """Return A's logits ``(b, classes)``; with labels those of all branches, ``(branches, b, classes)``."""
        smooth = self._smoothed(features)
        maps = self.a(smooth)
        logits = [maps.mean((2, 3))]
        if labels is None:
            return logits[0]
        if self.b is not None:
            logits.append(self.b(self.erased(smooth, of_class(maps, labels))).mean((2, 3)))
        return torch.stack(logits)

    def maps(self, features: Features, labels: Labels) -> BranchMaps:
        """Return the maps of one class of each image."""
        smooth = self._smoothed(features)
        a = of_class(self.a(smooth), labels)
        return BranchMaps(a, None if self.b is None else of_class(self.b(self.erased(smooth, a)), labels))

    def erased(self, features: Features, map_a: LayerMaps) -> Features:
        """Set features to zero where A's map is strong; no gradient passes through the mask."""
        assert self.delta is not None, "there is no B"
        return features * (unit_range(map_a) < self.delta)[:, None]

    def extra_repr(self) -> str:
        return f"delta={self.delta}, smoothing={self.smoothing}"

    def _smoothed(self, features: Features) -> Features:
        if self.smoothing == 1:
            return features
        return F.avg_pool2d(features, self.smoothing, stride=1, padding=self.smoothing // 2)


class Acol(nn.Module):
    """A backbone under the classifiers A and B: images to the logits of A, as any classifier.

    Args:
        backbone: From images to features.
        heads: See `AcolHeads`.
        labels: The classes' names, by index.

    Raises:
        BadInput: another number of names than classes.
    """

    def __init__(self, backbone: nn.Module, heads: AcolHeads, labels: Sequence[str] | None = None) -> None:
        super().__init__()
        if labels is not None and len(labels) != heads.classes:
            raise BadInput(f"{len(labels)} names for {heads.classes} classes; give one for each")
        self.backbone, self.heads = backbone, heads
        self.labels = None if labels is None else tuple(labels)

    def forward(self, inputs: Tensor, labels: Labels | None = None) -> Tensor:
        """Return what the heads return for the features; `inputs` are images, or what else the backbone takes."""
        return self.heads(self.backbone(inputs), labels)


def acol(
    model: nn.Module,
    layer: str,
    labels: Sequence[str],
    *,
    dense: Sequence[str] = (),
    width: int = 1024,
    delta: float | None = 0.6,
    smoothing: int = 1,
    seed: int = 0,
) -> Acol:
    """Put new classifiers on a network that was trained already: the backbone is frozen, the heads are to be trained.

    Args:
        model: Such as GoogLeNet or VGG-19.
        layer: Whose output the classifiers read: ``inception_4e``, ``relu5_4``.
        labels: The names of the classes.
        dense: See `innerview.models.Backbone`.
        width: See `AcolHeads`.
        delta: See `AcolHeads`; None for one branch.
        smoothing: See `AcolHeads`.
        seed: Of the heads' first weights.

    Raises:
        LayerNotFound: the model has no such layer.
        BadInput: as for `AcolHeads` and `innerview.models.Backbone`.
    """
    backbone = Backbone(model, layer, dense)
    heads = AcolHeads(backbone.channels, len(labels), width=width, delta=delta, smoothing=smoothing, seed=seed)
    return Acol(backbone, heads, labels)


def acol_loss(model: nn.Module, inputs: Tensor, labels: Labels) -> Tensor:
    """Return the cross-entropy of all branches together, in nats: what training minimises (Algorithm 1).

    Args:
        model: `Acol`, with images; or `AcolHeads`, with features.
        inputs: What the model takes.
        labels: ``(b,)``, the true classes; where A's map of them is strong, B's input is erased.
    """
    logits: BranchLogits = model(inputs, labels).float()
    return len(logits) * F.cross_entropy(logits.flatten(0, 1), labels.repeat(len(logits)))


def acol_maps(model: Acol, images: Images, target: Target = None) -> BranchMaps:
    """Make the localization maps of a class of each image.

    B's input is erased where A's map of this class is strong. The released code erases by the label that it was given,
    whatever class is mapped.

    Args:
        model: Trained.
        images: ``(b, 3, h, w)`` in [0, 1].
        target: Class of each image, or None for the one that A predicts.

    Raises:
        BadInput: a target that is no class, or a model in training mode.
        NotFinite: a pixel is NaN or infinite.
    """
    score = scoring(model, images, target)
    if not isinstance(score, ClassScores):
        raise BadInput(f"the maps of ACoL belong to classes, not to {score!r}; use grad_cam for that")
    with torch.no_grad():
        features = model.backbone(images)
        logits: Logits = model.heads(features)
        classes = logits.argmax(1) if score.indices is None else torch.tensor(score.indices, device=logits.device)
        if int(classes.max()) >= logits.shape[1]:
            raise BadInput(f"class {int(classes.max())} is out of range; the model has {logits.shape[1]} classes")
        return model.heads.maps(features, classes)


def of_class(maps: Float[Tensor, "b classes rows columns"], labels: Labels) -> LayerMaps:
    """Return each image's map of its class."""
    return maps[torch.arange(len(maps), device=maps.device), labels]
