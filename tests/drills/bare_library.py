"""What a person calls first, with malformed images, targets, layers and numbers.

`drill_fuzz_library.py` runs this without the tests' own type checks, which stop bad input before the library sees it.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from bounded import in_memory, in_time
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from torch import nn

import innerview as iv
from innerview import adversarial, assets, dissection, embedding, evaluation, models
from innerview.core.errors import InnerviewError
from innerview.core.images import square
from innerview.synthesis import PatchRecipe

CASES = 60
SIDE = 24


class Tiny(nn.Module):
    """A classifier with all that the methods ask for."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.low = nn.Conv2d(3, 4, 3, padding=1)
        self.relu = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.high = nn.Conv2d(4, 6, 3, padding=1)
        self.high_relu = nn.ReLU()
        self.mean = nn.AdaptiveAvgPool2d(1)
        self.flat = nn.Flatten()
        self.logits = nn.Linear(6, 5)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        high = self.high_relu(self.high(self.pool(self.relu(self.low(images)))))
        return self.logits(self.flat(self.mean(high)))


MODEL = iv.as_classifier(Tiny(), mean=0.0, std=1.0, labels=["cat", "dog", "bird", "fish", "frog"])
LAYER = next(name for name, _ in MODEL.named_modules() if name.endswith("high_relu"))
GENERATOR = torch.Generator().manual_seed(0)
IMAGES = torch.rand(2, 3, SIDE, SIDE, generator=GENERATOR)
MAPS = torch.rand(2, 6, 6, generator=GENERATOR)
VECTORS = torch.rand(12, 5, generator=GENERATOR)
ICON = iv.Recipe(steps=1, transforms=())
DREAM = iv.DreamRecipe(octaves=1, steps=1, jitter=0)
DESCENT = iv.Descent(steps=1)
PATCHES = PatchRecipe(patches=(8,), levels=1, rounds=1)
STYLE = iv.StyleRecipe(content={LAYER: 1.0}, style={LAYER: 1.0}, descent=DESCENT)


def _odd_images(sound: torch.Tensor) -> list[Any]:
    """Images that are none, hold no pixels, or none that can be used; and some that are unusual and right."""
    spoiled = sound.clone()
    spoiled[0, ..., 0] = float("nan")
    endless = sound.clone()
    endless[-1, ..., -1] = float("inf")
    return [
        spoiled,
        endless,
        -endless,
        sound[0],
        sound[0, 0],
        sound[None],
        sound[:, :1],
        sound.repeat(1, 2, 1, 1)[:, :4],
        sound[:0],
        sound[..., :0],
        sound[..., :1, :1],
        sound[..., :3],
        sound[..., :2, :],
        sound.to(torch.uint8),
        (sound * 255).to(torch.uint8),
        sound.long(),
        sound > 0.5,
        sound * 255,
        sound - 5,
        sound * 1e38,
        sound.double(),
        sound.to(torch.complex64),
        sound.mT,
        sound[..., ::2],
        sound.flip(-1),
        sound.expand(2, -1, -1, -1) if len(sound) == 1 else sound,
        sound.clone().requires_grad_(),
        sound.permute(0, 2, 3, 1),
        list(sound),
        [],
        sound.numpy(),
        None,
        "photo.png",
        torch.tensor(1.0),
        torch.empty(0),
        sound.to("meta"),
    ]


def _odd_tensors(sound: torch.Tensor) -> list[Any]:
    """Other tensors that are not what they should be."""
    spoiled = sound.float().contiguous().clone()
    spoiled.view(-1)[0] = float("nan")
    return [
        spoiled,
        sound.float() * float("inf"),
        sound[:0],
        sound[:1],
        sound[0],
        sound[None],
        sound.long(),
        sound > 0.5,
        sound.float().double(),
        -sound.float(),
        sound.float() * 1e38,
        torch.zeros_like(sound),
        torch.empty(0),
        torch.tensor(1.0),
        sound.float().clone().requires_grad_(),
        sound[..., :1],
        torch.cat([sound, sound]),
    ]


ODD_TARGETS = [
    -1,
    5,
    10**9,
    10**30,
    "nonsense",
    "",
    "-1",
    "99",
    "0",
    "cat",
    [0],
    [0, 1],
    [0, 1, 2],
    [0, 99],
    [],
    ["cat", 1],
    ["cat", "nonsense"],
    (0, -1),
    torch.tensor([0, 1]),
    torch.tensor([0, 7]),
    torch.tensor([0.5, 1.5]),
    torch.tensor(3),
    torch.zeros(0, dtype=torch.long),
    np.array([0, 1]),
    1.5,
    float("nan"),
    None,
    True,
    "ca",
    torch.zeros(2, 5),
    [[0, 1]],
    object(),
]
ODD_LAYERS = [
    "",
    ".",
    "nonsense",
    "low",
    "logits",
    "mean",
    "flat",
    LAYER,
    f"{LAYER}.",
    f"{LAYER}.x",
    " ",
    "🙂",
    "\x1b[31m",
    LAYER.upper(),
]
ODD_TEXTS = ["", " ", "nonsense", "🙂", "\x1b[31m", "x" * 500, "linf", "l2", "\x00"]
ODD_FLOATS = [float("nan"), float("inf"), -float("inf"), -1.0, -0.0, 0.0, 1e-320, 1e308, 1.5, 2.0, 0.5, 1, 0, -1]
ODD_INTS = [-1, 0, 1, 2, 3, 7, 25, 10**6, 2**31, 2**63, 10**30, -(10**30)]
ODD_SIDES = [-1, 0, 1, 2, 3, 8, (0, 8), (8, 0), (-8, 8), (8, 9)]
ODD_SIDE = [-1, 0, 1, 2, 3, 8, 25]
ODD_SEEDS = [-1, 0, 2**31, 2**32, 2**63, 2**64, 10**30, -(10**30)]
ODD_SEQUENCES = [[], [-1], [99], [0, 0], [0, 10**30], (0, 1)]
ODD_OBJECTIVES = [
    "",
    "nonsense",
    "channel:x:0",
    f"channel:{LAYER}:99",
    f"channel:{LAYER}:-1",
    f"layer:{LAYER}",
    "layer:logits",
    f"nan*layer:{LAYER}",
    f"1e38*layer:{LAYER}",
    "class:99",
    "class:nonsense",
    f"neuron:{LAYER}:0@99,99",
    "+",
    f"direction:{LAYER}:missing.npy",
    f"diversity:{LAYER}",
    "total_variation",
]
SIDES = {"size", "patch", "stride"}
ENDLESS = {
    "steps",
    "masks",
    "samples",
    "count",
    "channels",
    "dimensions",
    "iterations",
    "cells",
    "bins",
    "side",
    "scale",
    "columns",
    "window",
    "groups",
}
"""Numbers of work: huge ones are right, and never end."""


@dataclass(frozen=True)
class Call:
    """A function with arguments that are right."""

    function: Callable[..., Any]
    right: dict[str, Any]
    kept: tuple[str, ...] = ("model", "goal", "recipe", "progress", "explain", "course")
    """Arguments that are not spoiled."""


def odd(name: str, right: Any) -> list[Any]:
    """Return odd values of an argument, by its name and by what is right."""
    by_name = {
        "target": ODD_TARGETS,
        "layer": ODD_LAYERS,
        "layers": [*ODD_LAYERS, []],
        "objective": ODD_OBJECTIVES,
        "seed": ODD_SEEDS,
        "index": [*ODD_INTS, *ODD_SEQUENCES],
    }
    if name in by_name:
        return by_name[name]
    if isinstance(right, torch.Tensor):
        return _odd_images(right) if right.ndim == 4 and right.shape[1] == 3 else _odd_tensors(right)
    if name in SIDES:
        return ODD_SIDES if isinstance(right, tuple) else ODD_SIDE
    if isinstance(right, bool):
        return [True, False]
    if isinstance(right, int):
        return [one for one in ODD_INTS if name not in ENDLESS or one < 8]
    return {float: ODD_FLOATS, str: ODD_TEXTS}.get(type(right), ODD_SEQUENCES)


def _attributions() -> dict[str, Call]:
    own: dict[str, dict[str, Any]] = {
        "cam": {"layer": LAYER},
        "channel_attribution": {"layer": LAYER},
        "counterfactual_grad_cam": {"layer": LAYER},
        "grad_cam": {"layer": LAYER},
        "grad_cam_plus_plus": {"layer": LAYER},
        "guided_grad_cam": {"layer": LAYER},
        "layer_cam": {"layer": LAYER},
        "spatial_attribution": {"layer": LAYER},
        "deconvnet": {},
        "saliency": {},
        "guided_backprop": {},
        "gradient_times_input": {},
        "input_gradient": {"rule": "gradient"},
        "integrated_gradients": {"baseline": 0.0, "steps": 2, "batch": 4},
        "occlusion": {"patch": 8, "stride": 8, "baseline": 0.5},
        "rise": {"masks": 4, "cells": 2, "keep": 0.5, "seed": 0, "batch": 4},
        "smooth_grad": {"samples": 2, "noise": 0.1, "seed": 0, "batch": 4},
    }
    first = {"model": MODEL, "images": IMAGES, "target": 0}
    return {name: Call(getattr(iv, name), first | more) for name, more in own.items()}


def _optimized() -> dict[str, Call]:
    shown = {"model": MODEL, "size": 16, "seed": 0, "recipe": ICON}
    one = IMAGES[:1]
    return {
        "visualize": Call(iv.visualize, {**shown, "objective": f"channel:{LAYER}:0", "steps": 1, "snapshots": [1]}),
        "spritemap": Call(iv.spritemap, {**shown, "layer": LAYER, "channels": [0, 1]}),
        "activation_grid": Call(
            iv.activation_grid, {"model": MODEL, "image": one, "layer": LAYER, "places": 2, "size": 16, "recipe": ICON}
        ),
        "caricature": Call(iv.caricature, {"model": MODEL, "image": one, "layer": LAYER, "cosine_power": 1.0}),
        "channel": Call(_shown(iv.channel), {"layer": LAYER, "index": 0}),
        "neuron": Call(_shown(iv.neuron), {"layer": LAYER, "index": 0, "position": (1, 1)}),
        "direction": Call(_shown(iv.direction), {"layer": LAYER, "vectors": torch.ones(6), "cosine_power": 0.5}),
        "class_logit": Call(_shown(iv.class_logit), {"target": 0}),
        "class_probability": Call(_shown(iv.class_probability), {"target": 0}),
    }


def _shown(make: Callable[..., Any]) -> Callable[..., Any]:
    """Objectives tell what is wrong with them at the latest when they are used."""
    return lambda **arguments: iv.visualize(MODEL, make(**arguments), size=16, recipe=ICON)


def _synthesized() -> dict[str, Call]:
    one = IMAGES[:1]
    return {
        "deepdream": Call(
            iv.deepdream, {"model": MODEL, "images": one, "objective": f"layer:{LAYER}", "recipe": DREAM}
        ),
        "style_transfer": Call(
            iv.style_transfer,
            {"model": MODEL, "content": one, "styles": IMAGES[1:], "blend": [1.0], "recipe": STYLE, "seed": 0},
        ),
        "texture": Call(
            iv.texture,
            {
                "model": MODEL,
                "sample": one,
                "size": 16,
                "recipe": iv.TextureRecipe({LAYER: 1.0}, descent=DESCENT),
                "seed": 0,
            },
        ),
        "invert": Call(
            iv.invert,
            {"model": MODEL, "images": one, "layer": LAYER, "recipe": iv.InversionRecipe(descent=DESCENT), "seed": 0},
        ),
        "class_image": Call(
            iv.class_image,
            {"model": MODEL, "target": 0, "recipe": iv.ClassRecipe(steps=1), "start": one, "size": SIDE, "seed": 0},
        ),
        "efros_leung": Call(
            iv.efros_leung, {"sample": one[..., :12, :12], "size": 10, "window": 3, "tolerance": 0.1, "seed": 0}
        ),
        "patch_texture": Call(iv.patch_texture, {"sample": square(one, 48), "size": 48, "recipe": PATCHES, "seed": 0}),
        "gram_matrix": Call(iv.gram_matrix, {"features": torch.rand(1, 4, 5, 5)}),
    }


def _attacked() -> dict[str, Call]:
    first = {"model": MODEL, "images": IMAGES}
    return {
        "fgsm": Call(adversarial.fgsm, {**first, "epsilon": 0.03, "norm": "linf"}),
        "iterative": Call(adversarial.iterative, {**first, "epsilon": 0.03, "steps": 1, "norm": "linf"}),
        "pgd": Call(adversarial.pgd, first),
        "deepfool": Call(adversarial.deepfool, {**first, "course": adversarial.Course(classes=3, steps=1)}),
        "towards": Call(
            lambda target, **more: adversarial.fgsm(goal=adversarial.Towards(target), **more), {**first, "target": 0}
        ),
        "fooling_images": Call(
            adversarial.fooling_images, {"model": MODEL, "target": 0, "start": "noise", "size": 16, "seed": 0}
        ),
        "distances": Call(adversarial.distances, {"images": IMAGES, "changed": IMAGES, "norm": "l2"}),
        "paste": Call(
            adversarial.paste, {"images": IMAGES, "patch": IMAGES[:1, :, :8, :8], "share": 0.4, "place": "lower right"}
        ),
        "noise_patch": Call(adversarial.noise_patch, {"size": 8, "seed": 0, "slope": 0.5}),
    }


def _read(path: Path) -> dict[str, Call]:
    return {
        "read_image": Call(iv.read_image, {"path": str(path), "size": 16}),
        "write_image": Call(_written, {"images": IMAGES, "columns": 1}),
        "square": Call(square, {"images": IMAGES, "size": 8}),
        "activations": Call(iv.activations, {"model": MODEL, "images": IMAGES, "layers": [LAYER]}),
        "load_model": Call(iv.load_model, {"name": "efficientnet_lite0"}),
        "fetch": Call(assets.fetch, {"name": "texture_pebbles"}),
        "as_classifier": Call(_classified, {"mean": 0.5, "std": 0.5, "labels": list("abcde")}),
        "class_index": Call(models.class_index, {"model": MODEL, "target": "cat"}),
    }


def _written(images: Any, columns: Any) -> None:
    iv.write_image("out.png", images, columns)


def _classified(**settings: Any) -> torch.Tensor:
    return iv.as_classifier(Tiny(), **settings)(IMAGES)


def _measured() -> dict[str, Call]:
    explained = {"model": MODEL, "images": IMAGES, "heatmaps": MAPS, "target": 0}
    return {
        "deletion": Call(evaluation.deletion, {**explained}),
        "insertion": Call(evaluation.insertion, {**explained}),
        "blurred": Call(evaluation.blurred, {"images": IMAGES, "sigma": 2.0}),
        "pca_map": Call(embedding.pca_map, {"vectors": VECTORS}),
        "tsne_map": Call(embedding.tsne_map, {"vectors": VECTORS, "perplexity": 3.0, "seed": 0}),
        "grid_assignment": Call(embedding.grid_assignment, {"points": VECTORS[:, :2]}),
        "nearest_to": Call(
            embedding.nearest_to, {"queries": VECTORS[:1], "vectors": VECTORS, "count": 2, "metric": "cosine"}
        ),
        "neuron_groups": Call(embedding.neuron_groups, {"activations": torch.rand(1, 6, 4, 4), "count": 2, "seed": 0}),
        "effective_field": Call(
            dissection.effective_field, {"model": MODEL, "layer": LAYER, "images": IMAGES, "share": 0.8}
        ),
        "color_masks": Call(dissection.color_masks, {"images": IMAGES}),
        "orientation_masks": Call(dissection.orientation_masks, {"images": IMAGES, "bins": 4}),
        "unit_thresholds": Call(
            dissection.unit_thresholds, {"model": MODEL, "images": IMAGES, "layer": LAYER, "quantile": 0.1}
        ),
        "rotation": Call(dissection.rotation, {"channels": 4, "alpha": 0.5, "seed": 0}),
        "dissect": Call(
            dissection.dissect,
            {"model": MODEL, "images": IMAGES, "layer": LAYER, "concepts": dissection.PixelConcepts(), "quantile": 0.1},
            ("model", "concepts"),
        ),
    }


CALLS: dict[str, Callable[[Path], dict[str, Call]]] = {
    "attribution": lambda _: _attributions(),
    "optimize": lambda _: _optimized(),
    "synthesis": lambda _: _synthesized(),
    "adversarial": lambda _: _attacked(),
    "core": _read,
    "measures": lambda _: _measured(),
}
NAMES = [(room, name) for room, calls in CALLS.items() for name in calls(Path("photo.png"))]


@pytest.fixture(scope="module", autouse=True)
def _bounded(tmp_path_factory: pytest.TempPathFactory):
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("library")
    with in_memory(), pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("INNERVIEW_CACHE", str(folder / "cache"))
        patch.delenv("INNERVIEW_MIRROR", raising=False)
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
            patch.setenv(name, "http://127.0.0.1:9")
        iv.write_image("photo.png", IMAGES[:1])
        yield


@pytest.mark.parametrize(("room", "name"), NAMES, ids=[name for _, name in NAMES])
def test_malformed_calls(room: str, name: str) -> None:
    call = CALLS[room](Path("photo.png"))[name]
    assert tried(call, {}) in ("", "AssetUnavailable")
    able = [one for one in call.right if one not in call.kept]

    @settings(
        max_examples=CASES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
    )
    @given(st.data())
    def fuzz(data: st.DataObject) -> None:
        first = data.draw(st.sampled_from(able))
        names = {first, *data.draw(st.sampled_from([(), (), tuple(able[:1]), tuple(able[-1:])]))}
        changed = {one: data.draw(st.sampled_from(odd(one, call.right[one]))) for one in sorted(names)}
        try:
            tried(call, changed)
        except BaseException as error:
            error.add_note(f"{name}({', '.join(f'{key}={_told(value)}' for key, value in changed.items())})")
            raise

    fuzz()


def tried(call: Call, changed: dict[str, Any]) -> str:
    """Call a function, and return the name of the refusal; only one of one line is allowed."""
    with in_time(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            call.function(**call.right | changed)
        except InnerviewError as error:
            refusal = error
        else:
            return ""
    assert str(refusal)
    assert "\n" not in str(refusal), refusal
    return type(refusal).__name__


def _told(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        return f"{value.dtype} {tuple(value.shape)}"
    return repr(value)[:80]
