"""Torchvision's classifiers, with the weights that torchvision publishes."""

import re
from typing import Any

import torch
from torch import nn
from torchvision.models import get_model, get_model_weights, list_models

from innerview.assets import fetch_url
from innerview.core.errors import ModelNotFound, near

WITH_AUXILIARY = ("googlenet", "inception_v3")  # classifiers beside the trunk; only training uses them
ONE_SIZE = ("vit_", "maxvit_")  # networks that take images of one size only
CHANNELS_LAST = {"swin": r"features\.(?!0\.0$).*|norm", "convnext": r".*\.block\.[1-5]"}  # layers inside these networks


def classifier_names() -> list[str]:
    """Return the names of torchvision's image classifiers."""
    return sorted(list_models(module=__import__("torchvision").models))


def read_torchvision(name: str) -> tuple[nn.Module, dict[str, Any]]:
    """Load a classifier and what `as_classifier` needs to know of it.

    Returns:
        The network, and its `mean`, `std`, `labels`, `size` and `channels_last`.

    Raises:
        ModelNotFound: torchvision has no such classifier.
        AssetUnavailable: its weights cannot be had.
    """
    if name not in classifier_names():
        raise ModelNotFound(f"torchvision has no classifier {name!r}{near(name, classifier_names())}")
    weights: Any = get_model_weights(name).DEFAULT  # pyright: ignore[reportAttributeAccessIssue]
    state = torch.load(fetch_url(weights.url), map_location="cpu", weights_only=True)
    size = weights.meta["min_size"][0] if name.startswith(ONE_SIZE) else None
    options: dict[str, Any] = {"image_size": size} if name.startswith("vit_") else {}
    if name in WITH_AUXILIARY:
        options = {"aux_logits": False, "init_weights": False, "transform_input": True}
    module = get_model(name, weights=None, **options)
    module.load_state_dict({key: tensor for key, tensor in state.items() if not key.lower().startswith("aux")})
    preset = weights.transforms()
    return module, {
        "mean": preset.mean,
        "std": preset.std,
        "labels": weights.meta["categories"],
        "size": size,
        "channels_last": channels_last(name, module),
    }


def channels_last(name: str, module: nn.Module) -> list[str]:
    """Return the layers of torchvision's network `name` that put out ``(b, h, w, c)``."""
    pattern = next((pattern for family, pattern in CHANNELS_LAST.items() if name.startswith(family)), "")
    return [layer for layer, _ in module.named_modules() if layer and re.fullmatch(pattern, layer)]
