"""Torchvision's classifiers, with the weights that torchvision publishes."""

from typing import Any

import torch
from torch import nn
from torchvision.models import get_model, get_model_weights, list_models

from innerview.assets import fetch_url
from innerview.core.errors import ModelNotFound, near

WITH_AUXILIARY = ("googlenet", "inception_v3")  # classifiers beside the trunk; only training uses them


def classifier_names() -> list[str]:
    """Return the names of torchvision's image classifiers."""
    return sorted(list_models(module=__import__("torchvision").models))


def read_torchvision(name: str) -> tuple[nn.Module, dict[str, Any]]:
    """Load a classifier and what `as_classifier` needs to know of it.

    Returns:
        The network, and its `mean`, `std` and `labels`.

    Raises:
        ModelNotFound: torchvision has no such classifier.
        AssetUnavailable: its weights cannot be had.
    """
    if name not in classifier_names():
        raise ModelNotFound(f"torchvision has no classifier {name!r}{near(name, classifier_names())}")
    weights: Any = list(get_model_weights(name))[-1]  # the newest: torchvision's DEFAULT
    options = {"aux_logits": False, "init_weights": False, "transform_input": True} if name in WITH_AUXILIARY else {}
    module = get_model(name, weights=None, **options)
    state = torch.load(fetch_url(weights.url), map_location="cpu", weights_only=True)
    module.load_state_dict({key: tensor for key, tensor in state.items() if not key.lower().startswith("aux")})
    preset = weights.transforms()
    return module, {"mean": preset.mean, "std": preset.std, "labels": weights.meta["categories"]}
