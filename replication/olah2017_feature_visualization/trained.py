"""What is trained here, as parts of the run: networks at several ages, digits, decoders; and the gradient's grid."""

from dataclasses import replace

import torch
from torch import Tensor

from innerview.assets import fetch
from innerview.core.images import center_crop, read_image
from innerview.core.types import Images
from innerview.models import evaluate
from innerview.optimize import Latent, Recipe, ascend, channel
from innerview.replicate import Run
from replication.olah2017_feature_visualization import photographs
from replication.olah2017_feature_visualization.grids import checkerboard, decoder_of, gradient_grid, noise
from replication.olah2017_feature_visualization.training import (
    DIGITS,
    SIDE,
    read_labelled,
    recipe_of,
    small_net,
    train_digits,
    train_small_net,
)
from replication.olah2017_feature_visualization.visuals import recipe

SMALL_LAYER = "conv4"


def small(run: Run) -> dict[str, Tensor]:
    """Train the small network; see `train_small_net`."""
    config = run.config

    def compute() -> dict[str, Tensor]:
        paths, names = photographs.ten(run)
        chosen = range(0, len(paths), max(1, len(paths) // config.training_images))
        training = read_labelled([paths[place] for place in chosen], [names[place] for place in chosen])
        validation = training
        if not run.fallback:
            others = [path for _, path in sorted(fetch("imagenette160_val").items())]
            validation = read_labelled(others, [path.parent.name for path in others], sorted(set(names)))
        folder, how = run.folder / "small-net", recipe_of(config.epochs, run.seed)
        return train_small_net(training, validation, how, folder=folder, progress=True)

    return run.part("small-net", compute, config.epochs, config.training_images, config.ten_classes)


def ages(run: Run) -> dict[float, Images]:
    """Return pictures of some channels of the small network at several ages: epoch -> ``(channels, 3, h, w)``."""
    found, config = small(run), run.config
    wanted = channel(SMALL_LAYER, list(config.small_channels))

    def compute() -> dict[str, Tensor]:
        return {
            f"{epoch:g}": ascend(
                small_net(found, epoch), wanted, size=SIDE, seed=run.seed, recipe=_small_recipe(config.small_steps)
            ).images
            for epoch in found["epochs"].tolist()
        }

    part = run.part("ages", compute, config.small_channels, config.small_steps, config.epochs, config.training_images)
    return {float(epoch): part[epoch] for epoch in sorted(part, key=float)}


def specificity(run: Run) -> list[float]:
    """Return for each age how much more its pictures excite its own network's channels than the untrained one's.

    Activations are divided by their mean over photographs, or a network with larger ones would win.
    """
    found, config = small(run), run.config
    paths = photographs.ten(run)[0]
    some = torch.cat([center_crop(read_image(path, SIDE), SIDE) for path in paths[:: max(1, len(paths) // 64)][:64]])
    channels = list(config.small_channels)

    def strength(epoch: float, images: Images) -> Tensor:
        read = evaluate(small_net(found, epoch), torch.cat([images, some]), [SMALL_LAYER])[SMALL_LAYER].mean((2, 3))
        usual = read[len(images) :, channels].mean(0).clamp(min=1e-6)
        return read[torch.arange(len(images)), channels] / usual

    pictures = ages(run)
    first = min(pictures)
    return [
        float((strength(epoch, images) / strength(first, images).clamp(min=1e-6)).mean())
        for epoch, images in pictures.items()
    ]


def _small_recipe(steps: int) -> Recipe:
    return Recipe(steps=steps, learning_rate=0.02)  # a shallow network pushes colours to their ends at the usual rate


def handwritten(run: Run) -> dict[str, Tensor]:
    """Return units against random directions for digits; see `train_digits`."""

    def compute() -> dict[str, Tensor]:
        return train_digits(replace(DIGITS, epochs=run.config.digit_epochs, seed=run.seed))

    return run.part("digits", compute, run.config.digit_epochs)


def decoders(run: Run) -> dict[str, Tensor]:
    """Return what decoders of either kind make; see `checkerboard`."""
    config = run.config

    def compute() -> dict[str, Tensor]:
        paths = photographs.ten(run)[0]
        spread = [paths[place * len(paths) // 64] for place in range(64)]
        chosen = [spread[place * 19 % 64] for place in range(64)]  # the first few, which are shown, of several classes
        images = torch.cat([center_crop(read_image(path, SIDE), SIDE) for path in chosen])
        return checkerboard(images, steps=config.decoder_steps, seed=run.seed)

    return run.part("decoders", compute, config.decoder_steps, config.ten_classes)


def with_prior(run: Run) -> Images:
    """Return pictures of units that only a trained decoder may draw."""
    config, found = run.config, decoders(run)
    units = config.explained

    def compute() -> dict[str, Tensor]:
        decoder = decoder_of(found, "resize")
        how = Recipe(
            steps=config.steps, parameterization=Latent(decoder, (decoder.latent,)), transforms=config.transforms
        )
        model = run.model(config.model)
        pictures = [ascend(model, channel(*unit), size=config.size, seed=run.seed, recipe=how).images for unit in units]
        return {"images": torch.cat(pictures)}

    return run.part("prior", compute, config.model, units, recipe(config), config.size, config.decoder_steps)["images"]


def grid(run: Run) -> dict[str, Tensor]:
    """Return the grid in the gradient of the network; see `gradient_grid`."""
    config = run.config
    layer = config.plain.layer

    def compute() -> dict[str, Tensor]:
        images = noise(config.gradient_images, 128, run.seed).to(run.device)
        return gradient_grid(run.model(config.model), layer, [config.plain.channel, 0, 1, 2], images)

    return run.part("grid", compute, config.model, config.plain, config.gradient_images)
