"""What the replication computes: every texture, kept so that an interrupted run continues."""

from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType

import torch
from torch import Tensor, nn

from innerview.assets import fetch
from innerview.core.images import center_crop, read_image
from innerview.core.types import Images
from innerview.models import activations, evaluate, load_model
from innerview.models.vgg import VGG19
from innerview.models.vgg_means import mean_activations, normalize_activations, sample_photographs
from innerview.replicate import Run
from innerview.replicate.photos import photo
from innerview.synthesis import Synthesis, efros_leung, gram_matrix, patch_texture, texture
from innerview.synthesis.descent import Optimizer
from replication.gatys2015_texture.config import OPTIMIZERS, Config, Way, layer_sets, recipe


def sample(name: str, size: int) -> Images:
    """Return the middle square of a photograph, scaled to `size` pixels a side."""
    image = photo(name)
    square = center_crop(image, min(image.shape[-2:]))
    return torch.nn.functional.interpolate(square, (size, size), mode="bicubic", antialias=True).clamp(0, 1)


def network(run: Run, way: Way) -> nn.Module:
    """Return the network of a way: of the registry, or with random weights."""
    return run.model(way.model) if way.seed is None else random_network(run, way)


def random_network(run: Run, way: Way) -> nn.Module:
    """Return VGG-19 with random weights, its mean activations brought to one as those of the trained one are.

    Where the embedded model stands in, it is that one with random weights, as they are.
    """
    with torch.random.fork_rng([]):
        torch.manual_seed(way.seed or 0)
        made = load_model(way.model) if run.fallback else VGG19("average")
        for module in made.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
    if isinstance(made, VGG19):
        images = torch.cat([sample(name, 64) for name in run.config.sources])
        normalize_activations(made, mean_activations(made, [images]))
    return made.requires_grad_(False).eval().to(run.device)


def made(run: Run, way: Way, source: str, *, main: bool = False, optimizer: Optimizer = "lbfgs") -> Synthesis:
    """Make a texture as a part of the run; the same texture in two figures is made once."""
    config: Config = run.config
    size, steps = (config.size, config.steps) if main else (config.study_size, config.study_steps)
    how = recipe(config, way, steps, optimizer)

    def compute() -> dict[str, Tensor]:
        image = sample(source, size).to(run.device)
        return texture(network(run, way), image, recipe=how, seed=run.seed).tensors()

    name = f"{source.rpartition('/')[2].partition('.')[0]}-{way.model}-{way.layers[-1]}"
    return Synthesis.from_tensors(run.part(name, compute, way, source, size, how))


def textures(run: Run, ways: Mapping[str, Way]) -> dict[str, Images]:
    """Make the pebbles in several ways: panel title -> image."""
    return {title: made(run, way, run.config.pebbles).images for title, way in ways.items()}


def by_source(run: Run, source: str) -> dict[str, Images]:
    """Make the texture of a photograph with more and more layers."""
    return {title: made(run, way, source).images for title, way in layer_sets(run.config).items()}


def descents(run: Run) -> dict[str, Synthesis]:
    """Make the pebbles with each optimiser."""
    usual = Way(run.config.model, run.config.layers)
    return {label: made(run, usual, run.config.pebbles, optimizer=optimizer) for label, optimizer in OPTIMIZERS.items()}


def layer_distances(run: Run, images: Images) -> dict[str, float]:
    """Return how far the Gram matrices of each layer are from the pebbles', relative to these."""
    config: Config = run.config
    wanted = sample(config.pebbles, images.shape[-1])
    return gram_distances(run.model(config.model), wanted, images, config.layers)


def judged(run: Run, images: Images, source: str) -> float:
    """Return how far a network that took no part finds a texture from its sample: 0 is the same, 1 as far as nothing.

    The relative distance of Gram matrices, the mean over the judge's layers.
    """
    config: Config = run.config
    found = gram_distances(run.model(config.judge), sample(source, images.shape[-1]), images, config.judge_layers)
    return sum(found.values()) / len(found)


def gram_distances(model: nn.Module, wanted: Images, images: Images, layers: Sequence[str]) -> dict[str, float]:
    """Return the distance of Gram matrices by layer, relative to the sample's own length."""
    device = next(model.parameters()).device
    with torch.no_grad():
        read = activations(model, torch.cat([wanted, images]).to(device), layers)
    grams = {layer: gram_matrix(read[layer]) for layer in layers}
    return {layer: float((one[1] - one[0]).norm() / one[0].norm()) for layer, one in grams.items()}


def position_error(run: Run, source: str, images: Images, layer: str) -> float:
    """Return how far a layer's activations are from the sample's, place by place, relative to these."""
    model = run.model(run.config.model)
    both = torch.cat([sample(source, images.shape[-1]), images]).to(run.device)
    wanted, found = evaluate(model, both, layer)[layer]
    return float((found - wanted).norm() / wanted.norm())


def unrelated_error(run: Run, layer: str) -> float:
    """Return the same for two photographs that have nothing to do with one another."""
    first, second, *_ = run.config.sources
    return position_error(run, first, sample(second, run.config.study_size), layer)


def before(run: Run) -> dict[str, Images]:
    """Return the pebbles as non-parametric methods make them, and as Gram matrices do, at one size."""
    config: Config = run.config
    small = sample(config.pebbles, config.before_sample)
    size = config.before_size
    usual = Way(config.model, config.layers)

    def grown() -> dict[str, Tensor]:
        return {"images": efros_leung(small, size, window=config.window, seed=run.seed)}

    def patched() -> dict[str, Tensor]:
        return {"images": patch_texture(small, size, seed=run.seed)}

    def correlated() -> dict[str, Tensor]:
        how = recipe(config, usual, config.study_steps)
        found = texture(run.model(config.model), small.to(run.device), size=size, recipe=how, seed=run.seed)
        return {"images": found.images.cpu()}

    key = (config.pebbles, config.before_sample, size)
    return {
        "Efros and Leung": run.part("efros-leung", grown, *key, config.window)["images"],
        "Patches": run.part("patches", patched, *key)["images"],
        "Gram matrices": run.part("small", correlated, *key, usual, config.study_steps)["images"],
    }


def normalization(run: Run) -> Mapping[str, Tensor]:
    """Return the mean activations of each layer's channels: on the photographs of the stored means, and on others."""
    config: Config = run.config

    def compute() -> dict[str, Tensor]:
        model = run.model(config.model)
        kinds = {"seen": 0, "unseen": 1}
        found: dict[str, Tensor] = {}
        for kind, first in kinds.items():
            count = config.means if kind == "seen" else max(1, config.means // 5)
            photographs = sample_photographs(first=first, batch=min(10, count))
            batches = [batch.to(run.device) for batch, _ in zip(photographs, range(-(-count // 10)), strict=False)]
            means = mean_activations(model, batches)
            found |= {f"{kind} {layer}": mean for layer, mean in means.items()}
        return found

    return MappingProxyType(run.part("mean-activations", compute, config.model, config.means))


@cache
def probe_photographs(count: int, split: str) -> tuple[list, Tensor]:
    """Return files of ImageNet's ten classes and their classes, evenly thinned out."""
    paths = sorted(fetch(f"imagenette160_{split}").values())
    folders = sorted({path.parent.name for path in paths})
    some = [paths[place * len(paths) // count] for place in range(min(count, len(paths)))]
    return some, torch.tensor([folders.index(path.parent.name) for path in some])


def read_squares(paths: Sequence, size: int) -> Images:
    """Read photographs and keep their middle squares."""
    return torch.cat([center_crop(read_image(path, size), size) for path in paths])
