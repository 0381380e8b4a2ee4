"""What a run computes: samples, images under several priors, images of classes; kept, so that it can continue."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor

from innerview.assets import fetch
from innerview.core.folders import read_square, spread
from innerview.core.seeds import generator as random
from innerview.core.types import Images, Values
from innerview.dissection import generated
from innerview.models import LOGITS, class_index, evaluate
from innerview.models.normalization import resized
from innerview.optimize import Fourier, Pixels, Recipe, class_logit, visualize
from innerview.replicate import Run
from innerview.replicate.photos import photo
from innerview.synthesis import Generator, GeneratorPrior, load_autoencoder, load_generator, plug_and_play
from innerview.synthesis.generators import SIZE
from innerview.synthesis.patch_prior import PatchPrior, photograph_patches
from replication.methods.learned_priors.config import GENERATORS, Config

STAND_INS = ("skimage/coffee", "skimage/chelsea", "skimage/rocket", "skimage/astronaut")
"""Where no photographs can be had, crops of these stand in."""


@dataclass(frozen=True)
class Drawn:
    """Images of classes under one prior.

    Args:
        images: ``(b, 3, size, size)``.
        values: ``(b,)``, the logits of their classes.
        ranks: ``(b,)``, from 1: the rank that another network gives each class.
    """

    images: Images
    values: Values
    ranks: Values


@cache
def generators() -> Mapping[str, Generator]:
    """Return both generators, under what the page calls them."""
    return {title: load_generator(name) for name, title in GENERATORS.items()}


def photographs(run: Run, asset: str, count: int) -> Images:
    """Return photographs of 64 pixels, an even choice of an asset."""
    if run.fallback:
        whole = [resized(photo(name), (96, 128)) for name in STAND_INS]
        draws = random("crops", run.seed, asset)
        places = torch.randint(32, (count, 2), generator=draws).tolist()
        return torch.cat(
            [whole[n % 4][..., top : top + SIZE, left : left + SIZE] for n, (top, left) in enumerate(places)]
        )
    read = [read_square(path, SIZE) for path in spread(sorted(fetch(asset).values()), count)]
    return torch.cat([image for image in read if isinstance(image, Tensor)])


def samples(run: Run) -> dict[str, Images]:
    """Draw images from each generator, and others to compare with: what the page calls them -> images of 64 pixels."""
    count = run.config.samples

    def compute() -> dict[str, Tensor]:
        found = {}
        for title, one in generators().items():
            found[title] = generated(one.to(run.device), one.sample(count, run.seed))
        found["Photographs"] = photographs(run, "imagenette160_train", count)
        found["Other photographs"] = photographs(run, "imagenette160_val", count)
        found["Noise"] = torch.rand(count, 3, SIZE, SIZE, generator=random("noise", run.seed))
        return found

    return run.part("samples", compute, count)


def features(run: Run, images: Images) -> Float[Tensor, "n d"]:
    """Return what the network's last layer but one makes of images of 64 pixels, enlarged."""
    config = run.config
    parts = [resized(few, (config.size, config.size)).to(run.device) for few in images.split(32)]
    model = run.model(config.model)
    return torch.cat([evaluate(model, part, config.layer)[config.layer].flatten(2).mean(2).cpu() for part in parts])


def sample_features(run: Run) -> dict[str, Float[Tensor, "n d"]]:
    """Return the features of all samples."""

    def compute() -> dict[str, Tensor]:
        return {title: features(run, images) for title, images in samples(run).items()}

    return run.part("sample-features", compute, run.config.samples, run.config.model, run.config.layer, run.config.size)


def reconstructions(run: Run) -> tuple[Images, Images]:
    """Return held-out photographs, and what the autoencoder leaves of them."""
    shown = photographs(run, "imagenette160_val", run.config.shown)

    def compute() -> dict[str, Tensor]:
        with torch.no_grad():
            return {"images": load_autoencoder()(shown)}

    return shown, run.part("reconstructions", compute, run.config.shown)["images"]


def priors(config: Config) -> Mapping[str, Recipe]:
    """Return the priors: what the page calls each -> how to ascend under it."""
    plain = Recipe(config.steps, config.learning_rate, Pixels(), ())
    coded = {
        title: replace(plain, parameterization=GeneratorPrior(one, config.bound), redirected_steps=0)
        for title, one in generators().items()
    }
    return {"No prior": plain, "Fourier, transforms": Recipe(config.steps, parameterization=Fourier())} | coded


def patch_prior(run: Run) -> PatchPrior:
    """Return the prior of patches."""
    config = run.config

    def compute() -> dict[str, Tensor]:
        shown = photographs(run, "imagenette160_train", config.photographs)
        return {"patches": photograph_patches(shown.split(1), side=config.side, count=config.patches, seed=run.seed)}

    return PatchPrior(run.part("patches", compute, config.photographs, config.patches, config.side)["patches"])


def class_images(run: Run, classes: tuple[str, ...], title: str) -> Drawn:
    """Make an image of each class under one prior."""
    config = run.config

    def compute() -> dict[str, Tensor]:
        found = visualize(
            run.model(config.model), class_logit(list(classes)), size=config.size, seed=run.seed,
            recipe=priors(config)[title], progress=True,
        )  # fmt: skip
        return {"images": found.images, "values": found.values, "ranks": ranks(run, found.images, classes)}

    return Drawn(**run.part(f"classes-{_slug(title)}", compute, classes, title, *_told(config)))


def patched_images(run: Run) -> Drawn:
    """Make an image of each class while patches are pulled towards photographs'."""
    config = run.config

    def compute() -> dict[str, Tensor]:
        objective = class_logit(list(config.inside)) - config.pull * patch_prior(run).penalty()
        found = visualize(
            run.model(config.model), objective, size=config.size, seed=run.seed,
            recipe=priors(config)["Fourier, transforms"], progress=True,
        )  # fmt: skip
        values = logits(run, config.model, found.images, config.inside)
        return {"images": found.images, "values": values, "ranks": ranks(run, found.images, config.inside)}

    settings = (config.photographs, config.patches, config.side, config.pull)
    return Drawn(**run.part("classes-patches", compute, config.inside, *settings, *_told(config)))


def sampled(run: Run, name: str) -> dict[str, Tensor]:
    """Sample images of a class from the GAN; return `images`, `probabilities` and the other network's `ranks`."""
    config = run.config

    def compute() -> dict[str, Tensor]:
        gan = generators()[GENERATORS["gan"]].to(run.device)
        found = plug_and_play(
            run.model(config.model), gan, name, count=config.images, recipe=config.plug, seed=run.seed
        )
        told = {"ranks": ranks(run, found.images, (name,) * config.images), "codes": found.codes}
        return {"images": found.images, "probabilities": found.probabilities} | told

    return run.part(f"sampled-{_slug(name)}", compute, name, config.model, config.other, config.images, config.plug)


def ranks(run: Run, images: Images, classes: tuple[str, ...]) -> Values:
    """Return the rank, from 1, that the other network gives each image's own class."""
    found = evaluate(run.model(run.config.other), images.to(run.device), LOGITS)[LOGITS].cpu()
    own = found.gather(1, indices(run, run.config.other, classes)[:, None])
    return 1 + (found > own).sum(1).float()


def logits(run: Run, model: str, images: Images, classes: tuple[str, ...]) -> Values:
    """Return the logit of each image's own class."""
    found = evaluate(run.model(model), images.to(run.device), LOGITS)[LOGITS].cpu()
    return found.gather(1, indices(run, model, classes)[:, None])[:, 0]


def indices(run: Run, model: str, classes: tuple[str, ...]) -> Tensor:
    """Return the numbers of classes in a model."""
    return torch.tensor([class_index(run.model(model), name) for name in classes])


def _told(config: Config) -> tuple[object, ...]:
    return (config.model, config.other, config.size, config.steps, config.learning_rate, config.bound)


def _slug(title: str) -> str:
    return "-".join(title.lower().replace(",", "").split())
