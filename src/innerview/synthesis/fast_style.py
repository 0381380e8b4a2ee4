r"""Training networks of style {cite}`johnson2016perceptual`: a loss network judges what they make of photographs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor, nn
from torch.nn import functional as F

from innerview.core.errors import BadInput
from innerview.core.images import check_images
from innerview.core.seeds import generator as random
from innerview.core.types import Images, Values
from innerview.models.activations import activations, device_of
from innerview.synthesis.grams import gram_distance, gram_matrix
from innerview.synthesis.losses import LayerWeights, Loss, Term, content_loss, layer_weights
from innerview.synthesis.priors import variation_loss
from innerview.synthesis.style_networks import StyleArchitecture, StyleNetwork
from innerview.training import Adam, Flip, ImageSamples, RandomCrop, Samples, Training, TrainingRecipe, train

Chosen = Int[Tensor, " b"]
"""The index of each image's style."""


@dataclass(frozen=True)
class FastStyleRecipe:
    """How a network of style is trained; sizes and layers are those of {cite}`johnson2016perceptual`, Sec. 4.1.

    The weights are ours: they suit VGG-19 on pixels in [0, 255], as `load_model` gives it.

    Args:
        architecture: Of the network; its styles are replaced by the names of those it is trained on.
        content_layers: Where the content is compared; weights by layer, or layers of equal weights that sum to 1.
        style_layers: Where Gram matrices are compared.
        content_weight: Of the mean square between activations.
        style_weight: Of the mean square between Gram matrices; see `FastStyleLoss` for their unit.
        variation_weight: Of the total variation of pixels in [0, 1], a mean over positions.
        size: Height and width of the photographs' crops, in pixels.
        batch: Photographs a step.
        steps: Of the training.
        learning_rate: Of Adam.
        mixed: Whether convolutions run in bfloat16.
        seed: Of the starting weights, the order, the crops and the choice of styles.
    """

    architecture: StyleArchitecture = field(default_factory=StyleArchitecture)
    content_layers: LayerWeights = ("relu2_2",)
    style_layers: LayerWeights = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
    content_weight: float = 1.0
    style_weight: float = 10.0
    variation_weight: float = 4000.0
    size: int = 256
    batch: int = 4
    steps: int = 40_000
    learning_rate: float = 1e-3
    mixed: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("size", "batch", "steps"):
            if getattr(self, name) < 1:
                raise BadInput(f"{name} of a training of styles is at least 1, not {getattr(self, name)}")
        for name in ("content_weight", "style_weight", "variation_weight"):
            if not getattr(self, name) >= 0:
                raise BadInput(f"{name} is at least 0, not {getattr(self, name)}")


class FastStyleLoss:
    r"""What a network of style minimises {cite}`johnson2016perceptual`.

    $$L = \lambda_c \sum_j w_j \frac{\|\phi_j(\hat y) - \phi_j(y_c)\|^2}{C_j H_j W_j}
        + \lambda_s \sum_j w_j \frac{\|G_j(\hat y) - G_j(y_s)\|_F^2}{C_j^2}
        + \lambda_{TV} \frac{\ell_{TV}(\hat y)}{H W}$$ (Eqs. 2 to 5)

    where $G_j$ is divided by $C_j H_j W_j$. The division by $C_j^2$ is that of the released code, not of Eq. 4; without
    it `relu3_3` alone would count. The Gram matrices of the styles are computed here, once. The loss network runs once
    on what the network made, and on the photographs only as deep as the content, without a graph.

    Args:
        model: The loss network: frozen, takes images ``(b, 3, h, w)`` in [0, 1].
        styles: Name -> ``(1, 3, h, w)``, of any sizes; their order is that of the indices.
        recipe: Layers and weights.

    Raises:
        LayerNotFound: the model lacks a layer.
        BadInput: no style, one that is no image, or one too small for the deepest layer.
    """

    def __init__(self, model: nn.Module, styles: Mapping[str, Images], recipe: FastStyleRecipe) -> None:
        if not styles:
            raise BadInput("there is no style; give at least one image")
        for image in styles.values():
            check_images(image)
        self.model, self.recipe, self.styles = model, recipe, tuple(styles)
        self._layers = layer_weights(recipe.style_layers)
        device = device_of(model)
        with torch.no_grad():
            read = [activations(model, image.to(device), list(self._layers)) for image in styles.values()]
            self.targets = {layer: torch.cat([gram_matrix(one[layer]) for one in read]) for layer in self._layers}

    def __call__(self, network: nn.Module, images: Images, chosen: Chosen) -> Tensor:
        """Return the mean loss of a batch; see `parts`."""
        return torch.stack(list(self.parts(network, images, chosen).values())).sum(0).mean()

    def parts(self, network: nn.Module, images: Images, chosen: Chosen) -> dict[str, Values]:
        """Return content, style and variation with their weights, one number for each image.

        Args:
            network: A `StyleNetwork`.
            images: Photographs.
            chosen: The index of the style that each is to get.
        """
        made = network(images, F.one_hot(chosen, len(self.styles)).to(images))
        found = self.of_images(images, chosen).parts(self.model, made)
        kinds: dict[str, list[Values]] = {}
        for name, values in found.items():
            kinds.setdefault(name.partition(" ")[0], []).append(values)
        return {kind: torch.stack(several).sum(0) for kind, several in kinds.items()}

    def of_images(self, images: Images, chosen: Chosen) -> Loss:
        """Return the loss of pictures made of these images in these styles, as a value that a descent takes, too."""
        recipe = self.recipe
        loss = recipe.style_weight * Loss(tuple(self._style(layer, chosen) for layer in self._layers))
        if recipe.content_weight:
            loss += recipe.content_weight * content_loss(self.model, images, recipe.content_layers)
        positions = images.shape[-2] * images.shape[-1]
        return loss + recipe.variation_weight / positions * variation_loss()

    def _style(self, layer: str, chosen: Chosen) -> Term:
        target = self.targets[layer][chosen]
        factor = 4 / target.shape[-1] ** 2  # ours has Gatys's 1/4, and does not divide a Gram matrix by its channels
        return Term(f"style {layer}", layer, gram_distance(target), factor * self._layers[layer])


def train_style_network(
    model: nn.Module,
    photographs: Samples | Sequence[Path],
    styles: Mapping[str, Images],
    recipe: FastStyleRecipe | None = None,
    *,
    folder: str | Path | None = None,
    progress: bool = False,
) -> Training:
    """Train a network that gives any image one of some styles, each photograph of a step one at random.

    Args:
        model: The loss network, such as `load_model("vgg19")`; the training runs on its device.
        photographs: Samples whose batches begin with images, or files, of which random crops are taken.
        styles: Name -> ``(1, 3, h, w)`` in [0, 1]. Strokes come out at the size that they have here.
        recipe: How to train.
        folder: For the state, from which the same call goes on, and the log; see `innerview.training.train`.
        progress: Whether to show a bar.

    Returns:
        The trained `StyleNetwork` as `model`, and the loss of each step.

    Raises:
        LayerNotFound: the loss network lacks a layer.
        BadInput: no style, several for a network of one, photographs that cannot be read, or another training's folder.
        NotFinite: the loss became NaN or infinite.
    """
    recipe = recipe or FastStyleRecipe()
    architecture = replace(recipe.architecture, styles=tuple(styles))
    loss = FastStyleLoss(model, styles, recipe)
    samples = photographs if isinstance(photographs, Samples) else crops(photographs, recipe.size)
    with torch.random.fork_rng([]):
        torch.manual_seed(random("style network", recipe.seed).initial_seed())
        network = StyleNetwork(architecture)
    plan = TrainingRecipe(
        epochs=1, batch=recipe.batch, optimizer=Adam(recipe.learning_rate), seed=recipe.seed, mixed=recipe.mixed
    )
    drawn = StyledSamples(samples, loss)
    return train(network.to(device_of(model)), drawn, loss, plan, folder=folder, progress=progress)


def crops(paths: Sequence[Path], size: int) -> ImageSamples:
    """Return files as samples: random squares of `size` pixels, four fifths of the shorter side, mirrored or not."""
    labels = torch.zeros(len(paths), dtype=torch.long)
    return ImageSamples(paths, labels, size, (RandomCrop(size), Flip()), resize=5 * size // 4)


@dataclass(frozen=True, eq=False)
class StyledSamples:
    """Photographs over and over for all steps of a training, each with the index of a style drawn for it.

    Args:
        photographs: Their batches begin with images.
        loss: Holds styles and recipe.

    Raises:
        BadInput: no photographs.
    """

    photographs: Samples
    loss: FastStyleLoss

    def __post_init__(self) -> None:
        if not len(self.photographs):
            raise BadInput("there are no photographs to train on; give at least one")

    def __len__(self) -> int:
        return self.loss.recipe.steps * self.loss.recipe.batch

    def batch(self, indices: Tensor, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Return images, and the index of each one's style."""
        images = self.photographs.batch(indices % len(self.photographs), generator)[0]
        return images, torch.randint(len(self.loss.styles), (len(images),), generator=generator)

    @property
    def skipped(self) -> set[Path]:
        """The photographs' files that could not be read so far."""
        return getattr(self.photographs, "skipped", set())

    def identity(self) -> Any:
        """Return all that the training depends on besides network and optimiser."""
        told = getattr(self.photographs, "identity", None)
        some = torch.arange(min(8, len(self.photographs)))
        content = told() if told else list(self.photographs.batch(some, random("identity")))
        return [content, self.loss.recipe, self.loss.targets, self.loss.model]
