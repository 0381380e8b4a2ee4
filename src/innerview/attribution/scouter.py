r"""SCOUTER {cite}`li2021scouter`: a classifier whose every score is a sum over its own explanation.

Each class has a slot, a vector that looks over the features of an image. Where it looks is a map, and the class's score
is what it finds there: nothing else enters. A positive head adds it up (why this class?), a negative head takes it away
(why not that class?), and a term of the loss keeps the maps small.

The paper's text was not at hand. Equations, sizes and settings are from memory, checked against the released code as a
reproduction has it {cite}`burger2022scouter`; where we know that we deviate, the docstrings say so.
"""

import math
from collections.abc import Sequence
from typing import Final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from innerview.attribution.targets import ClassScores, Target, scoring
from innerview.core.errors import BadInput
from innerview.core.seeds import generator
from innerview.core.types import Images, LayerMaps, Logits
from innerview.models import Backbone

Features = Float[Tensor, "b channels rows columns"]
Attention = Float[Tensor, "b classes rows columns"]
"""Where each class's slot looks, in (0, 1)."""
Labels = Int[Tensor, " b"]

SIGNS: Final = {"positive": 1, "negative": -1}
"""What a head explains -> e of the paper."""

PERIOD: Final = 10_000.0
"""Of the slowest wave of the position embedding, as in transformers."""


class Scouter(nn.Module):
    r"""The explanation head: features to logits, by way of one attention map a class.

    With features $F'$ of `width` numbers at each of $l$ positions (a convolution of size 1 and a ReLU), $\tilde F$ the
    same plus an embedding of the positions, and slots $W^{(0)}$ that are learned, three times:

    $$A^{(t)} = \sigma\big(Q(W^{(t)})\, K(\tilde F)^\top / \sqrt{c'}\big), \quad U^{(t)} = \tfrac{1}{c'} A^{(t)} F',
    \quad W^{(t+1)} = \mathrm{GRU}(U^{(t)}, W^{(t)})$$

    and the logits are $e\, U \mathbf 1$, where $e$ is 1 or -1. Since $F'$ is never negative, the logit of class $c$ is
    $e \sum_j A_{cj} m_j$ with $m_j$ the sum of $F'$ at position $j$ over $c'$: the same for all classes. So classes
    differ by where they look, and by nothing else.

    As by default in the released code, $Q$ leaves the slots as they are and $K$ is one linear layer; the paper has
    three of them with ReLUs between. The released code also scales the products so that their sum over positions is the
    same for all slots. That is left out: a sum near zero blows them up.

    Args:
        channels: Of the features that it is given.
        classes: How many, at least 2.
        explains: ``positive`` or ``negative``.
        area_weight: $\lambda$, what a map of mean 1 would cost beside the cross-entropy; 10 in the paper.
        width: $c'$, a multiple of 4; 64 in the paper.
        iterations: Of the slots; 3 in the paper.
        seed: Of the first weights and slots.

    Raises:
        BadInput: a size or weight out of its range, or another thing to explain.
    """

    def __init__(
        self, channels: int, classes: int, *, explains: str = "positive", area_weight: float = 10.0, width: int = 64,
        iterations: int = 3, seed: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        if channels < 1 or classes < 2 or iterations < 1 or width < 4 or width % 4:
            raise BadInput(
                f"a head needs a channel ({channels}), two classes ({classes}), an iteration ({iterations}) and a "
                f"width that is a multiple of 4 ({width})"
            )
        if explains not in SIGNS:
            raise BadInput(f"a head explains positive or negative, not {explains!r}")
        if not 0 <= area_weight < math.inf:
            raise BadInput(f"the weight of the area is a number from 0 on, not {area_weight}")
        self.classes, self.explains, self.area_weight, self.iterations = classes, explains, area_weight, iterations
        with torch.random.fork_rng([]):
            torch.manual_seed(generator("scouter", seed).initial_seed())
            self.reduce = nn.Conv2d(channels, width, 1)
            self.key = nn.Linear(width, width)
            self.update = nn.GRUCell(width, width)
            self.slots = nn.Parameter(torch.randn(classes, width))

    def forward(self, features: Features, labels: Labels | None = None) -> Tensor:
        """Return the logits ``(b, classes)``; with labels each image's loss, ``(b,)``."""
        attention, mass = self._looked(features)
        logits = SIGNS[self.explains] * (attention * mass).sum((2, 3))
        if labels is None:
            return logits
        return F.cross_entropy(logits, labels, reduction="none") + self.area_weight * attention.mean((1, 2, 3))

    def attention(self, features: Features) -> Attention:
        """Return where each class's slot looks."""
        return self._looked(features)[0]

    def evidence(self, features: Features) -> Attention:
        """Return what each position adds to each class's logit: their sum over positions is the logit."""
        attention, mass = self._looked(features)
        return SIGNS[self.explains] * attention * mass

    def extra_repr(self) -> str:
        return f"explains={self.explains}, area_weight={self.area_weight:g}, iterations={self.iterations}"

    def _looked(self, features: Features) -> tuple[Attention, Tensor]:
        """Return the maps and the mass that all classes share, ``(b, 1, rows, columns)``."""
        reduced = torch.relu(self.reduce(features))
        batch, width, rows, columns = reduced.shape
        values = reduced.flatten(2).transpose(1, 2)
        keys = self.key(values + position_embedding(rows, columns, width).to(values))
        slots = self.slots.expand(batch, -1, -1)
        attention = self._attending(slots, keys)
        for _ in range(self.iterations - 1):
            found = attention @ values / width
            slots = self.update(found.flatten(0, 1), slots.flatten(0, 1)).unflatten(0, (batch, -1))
            attention = self._attending(slots, keys)
        return attention.unflatten(2, (rows, columns)), reduced.mean(1, keepdim=True)

    def _attending(self, slots: Tensor, keys: Tensor) -> Tensor:
        return torch.sigmoid(slots @ keys.transpose(1, 2) / math.sqrt(keys.shape[2]))


def position_embedding(rows: int, columns: int, width: int) -> Float[Tensor, "positions width"]:
    """Return sines and cosines of each position's row and of its column, of longer and longer periods.

    Args:
        rows: Of the features.
        columns: Likewise.
        width: Numbers for each position, a multiple of 4: half tell the row, half the column.
    """
    waves = PERIOD ** (-torch.arange(width // 4) / (width // 4))
    ends = [(torch.arange(1, count + 1) / count * 2 * math.pi)[:, None] * waves for count in (rows, columns)]
    down, across = (torch.cat([angles.sin(), angles.cos()], 1) for angles in ends)
    down, across = down[:, None].expand(-1, columns, -1), across[None].expand(rows, -1, -1)
    return torch.cat([down, across], 2).flatten(0, 1)


class ScouterClassifier(nn.Module):
    """A backbone under an explanation head: images to logits, as any classifier.

    Args:
        backbone: From images to features.
        head: See `Scouter`.
        labels: The classes' names, by index.

    Raises:
        BadInput: another number of names than classes.
    """

    def __init__(self, backbone: nn.Module, head: Scouter, labels: Sequence[str] | None = None) -> None:
        super().__init__()
        if labels is not None and len(labels) != head.classes:
            raise BadInput(f"{len(labels)} names for {head.classes} classes; give one for each")
        self.backbone, self.head = backbone, head
        self.labels = None if labels is None else tuple(labels)

    def forward(self, inputs: Tensor, labels: Labels | None = None) -> Tensor:
        """Return what the head returns for the features; `inputs` are images, or what else the backbone takes."""
        return self.head(self.backbone(inputs), labels)


def scouter_loss(model: nn.Module, inputs: Tensor, labels: Labels) -> Tensor:
    r"""Return the batch's mean of cross-entropy plus $\lambda$ times the mean attention, in nats.

    Args:
        model: `Scouter`, with features; or `ScouterClassifier`, with what its backbone takes.
        inputs: What the model takes.
        labels: ``(b,)``, the true classes.
    """
    return model(inputs, labels).float().mean()


def scouter(
    model: nn.Module, layer: str, labels: Sequence[str], *, explains: str = "positive", area_weight: float = 10.0,
    seed: int = 0,
) -> ScouterClassifier:  # fmt: skip
    """Put an explanation head on a network that was trained already: the backbone is frozen, the head is to be trained.

    Args:
        model: Such as GoogLeNet.
        layer: Whose output the head reads: ``inception_5b``.
        labels: The names of the classes.
        explains: See `Scouter`.
        area_weight: See `Scouter`.
        seed: Of the head's first weights.

    Raises:
        LayerNotFound: the model has no such layer.
        BadInput: as for `Scouter`.
    """
    backbone = Backbone(model, layer)
    return ScouterClassifier(
        backbone, Scouter(backbone.channels, len(labels), explains=explains, area_weight=area_weight, seed=seed), labels
    )


def scouter_attention(model: ScouterClassifier, images: Images, target: Target = None) -> LayerMaps:
    """Show where a class's slot looks: why the class, for a positive head; why not, for a negative one.

    Args:
        model: Trained.
        images: ``(b, 3, h, w)`` in [0, 1].
        target: Class of each image, or None for the one that is predicted.

    Returns:
        ``(b, rows, columns)`` in (0, 1).

    Raises:
        BadInput: a target that is no class, or a model in training mode.
        NotFinite: a pixel is NaN or infinite.
    """
    score = scoring(model, images, target)
    if not isinstance(score, ClassScores):
        raise BadInput(f"the maps of SCOUTER belong to classes, not to {score!r}; use grad_cam for that")
    with torch.no_grad():
        features = model.backbone(images)
        logits: Logits = model.head(features)
        classes = logits.argmax(1) if score.indices is None else torch.tensor(score.indices, device=logits.device)
        if int(classes.max()) >= logits.shape[1]:
            raise BadInput(f"class {int(classes.max())} is out of range; the model has {logits.shape[1]} classes")
        return of_class(model.head.attention(features), classes)


def of_class(maps: Attention, labels: Labels) -> LayerMaps:
    """Return each image's map of its class."""
    return maps[torch.arange(len(maps), device=maps.device), labels]
