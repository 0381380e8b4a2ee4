"""Channels and random directions: are the photographs that excite one most alike?"""

import numpy as np
import torch
from torch import Tensor, nn

from innerview.core.types import Images
from innerview.dissection import purity, random_directions
from innerview.models import channels_first, evaluate
from innerview.replicate import Run
from replication.methods.adversarial_examples.photographs import photographs

BATCH = 20


def purities(run: Run) -> dict[str, dict[str, Tensor]]:
    """Return how pure the top photographs are.

    Returns:
        Layer -> ``channels``, ``directions``, and ``chance``: numbers drawn at random in place of activations.
    """
    config, found = run.config, photographs(run, run.config.surveyed)

    def compute() -> dict[str, Tensor]:
        responses, kept = _responses(run, found.images), {}
        top = min(config.top, len(found.images))
        for layer, (channels, directions) in responses.items():
            random = np.random.default_rng(run.seed).random(channels.shape)
            kinds = {"channels": channels.numpy(), "directions": directions.numpy(), "chance": random}
            for kind, values in kinds.items():
                kept[f"{layer}/{kind}"] = torch.from_numpy(purity(values, found.labels.numpy(), top, run.seed))
        return kept

    kept = run.part("purities", compute, config.model, config.size, config.layers, config.top, found.names)
    return {
        layer: {kind: kept[f"{layer}/{kind}"] for kind in ("channels", "directions", "chance")}
        for layer in config.layers
    }


def _responses(run: Run, images: Images) -> dict[str, tuple[Tensor, Tensor]]:
    """Return layer -> the largest response of each channel and of as many random directions, ``(images, units)``."""
    model: nn.Module = run.model(run.config.model)
    parts: dict[str, list[tuple[Tensor, Tensor]]] = {layer: [] for layer in run.config.layers}
    for some in images.split(BATCH):
        for layer, read in evaluate(model, some.to(run.device), run.config.layers, BATCH).items():
            maps = channels_first(read).flatten(2) if read.ndim > 2 else read[..., None]
            drawn = random_directions(maps.shape[1], maps.shape[1], run.seed).to(maps)
            turned = torch.einsum("kc,bcp->bkp", drawn, maps)
            parts[layer].append((maps.amax(2).cpu(), turned.amax(2).cpu()))
    return {layer: (torch.cat([a for a, _ in both]), torch.cat([b for _, b in both])) for layer, both in parts.items()}
