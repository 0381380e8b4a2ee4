"""Reading activations: run a network only as deep as needed, and leave no hook behind."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import torch
from torch import Tensor, nn

from innerview.core.errors import BadInput, LayerNotFound
from innerview.core.images import check_shape
from innerview.core.types import Activations, Images, Logits
from innerview.models.classifier import Classifier, NoLogits
from innerview.models.layers import LOGITS, as_read, find_layer

TOO_SMALL = "are too small for layers {layers}; enlarge them"
ONE_SIZE = "do not fit {network}, which takes one size only; give that `size` to as_classifier"
REFUSALS = {
    "Output size is too small": TOO_SMALL,
    "can't be greater than actual input size": TOO_SMALL,
    "shapes cannot be multiplied": ONE_SIZE,
    "Wrong image height": ONE_SIZE,
    "Wrong image width": ONE_SIZE,
    "doesn't match model": ONE_SIZE,
    "to have 1 channels, but got 3": "are coloured, {network} takes grey ones; give greyscale=True to as_classifier",
    "bias type": "are float32, and the weights of {network} are not; as_classifier converts the images",
}
"""What a network says that cannot take the images -> what is wrong with them, and the mend."""


class _AllReached(BaseException):
    """Ends a forward pass early; a `BaseException` so that no `except Exception` inside a model swallows it."""


@contextmanager
def recorded(model: nn.Module, layers: str | Iterable[str]) -> Iterator[dict[str, Tensor]]:
    """Record what the layers put out while the block calls the model; the hooks go when the block ends.

    Every forward pass runs to its end. A layer that runs several times in one pass is recorded at its first.

    Raises:
        LayerNotFound: the model has no such layer.
    """
    record: dict[str, Tensor] = {}
    with _hooks(model, _names(layers), record):
        yield record


@contextmanager
def leaf(model: nn.Module, layer: str) -> Iterator[dict[str, Tensor]]:
    """Record what a layer puts out and let the graph begin there, so that only what stands above is differentiated.

    Every forward pass runs to its end. A layer that runs several times in one pass is recorded at its first.

    Yields:
        Name -> what the layer put out, as a leaf that requires a gradient; empty until the model was called.

    Raises:
        LayerNotFound: the model has no such layer.
    """
    record: dict[str, Tensor] = {}
    with _hooks(model, [layer], record, cut=True):
        yield record


def activations(
    model: nn.Module, images: Images, layers: str | Iterable[str], *, pieces: int | None = None
) -> dict[str, Activations]:
    """Return what layers put out for images, as part of the graph if the images require a gradient.

    The forward pass stops as soon as every layer was reached.

    Args:
        model: Any network that takes these images.
        images: ``(b, 3, h, w)`` in [0, 1].
        layers: Names (see `innerview.models.layers`); the empty name is the model's own output.
        pieces: Run the network on so many images at a time. With 1, an image's numbers do not depend on the images
            beside it; else they do in the last bits, since kernels differ with the batch size. None: all at once.

    Returns:
        Name -> ``(b, c, h', w')`` (or what else the layer puts out), in the order asked for.

    Raises:
        LayerNotFound: the model has no such layer, or the images never reach it.
        BadInput: the network cannot take images like these; `pieces` is not positive.
    """
    check_shape(images)
    names = _names(layers)
    if pieces is None:
        return _read(model, images, names)
    if pieces < 1:
        raise BadInput(f"pieces must hold at least one image, not {pieces}")
    parts = [_read(model, part, names) for part in images.split(pieces)]
    return {name: torch.cat([part[name] for part in parts]) for name in names}


def _read(model: nn.Module, images: Images, names: list[str]) -> dict[str, Tensor]:
    record: dict[str, Tensor] = {}
    reached = (_AllReached,) if LOGITS in names else (_AllReached, NoLogits)
    with _hooks(model, names, record, stop=True), _refusals_explained(model, images, names), suppress(*reached):
        model(images)
    missing = [name for name in names if name not in record]
    if missing:
        raise LayerNotFound(f"the images never reach layer {missing[0]!r} of {_class_name(model)}; choose another")
    return {name: record[name] for name in names}


@contextmanager
def _refusals_explained(model: nn.Module, images: Images, names: list[str]) -> Iterator[None]:
    try:
        yield
    except (RuntimeError, AssertionError) as error:
        refusal = next((refusal for said, refusal in REFUSALS.items() if said in str(error)), None)
        if refusal is None:
            raise
        size = "x".join(map(str, images.shape[-2:]))
        reason = refusal.format(layers=names, network=_class_name(model))
        raise BadInput(f"images of {size} pixels {reason}") from error


def _class_name(model: nn.Module) -> str:
    return type(model.module if isinstance(model, Classifier) else model).__name__


def _names(layers: str | Iterable[str]) -> list[str]:
    return [layers] if isinstance(layers, str) else list(dict.fromkeys(layers))


@contextmanager
def _hooks(
    model: nn.Module, names: list[str], record: dict[str, Tensor], *, stop: bool = False, cut: bool = False
) -> Iterator[None]:
    found = {name: find_layer(model, name) for name in names}
    compiled = [name for name, layer in found.items() if isinstance(layer, torch.jit.ScriptModule)]
    if compiled:
        raise LayerNotFound(f"TorchScript hides what layer {compiled[0]!r} puts out; use the module it was made from")
    handles = [
        layer.register_forward_hook(_recorder(model, name, len(names) if stop else None, record, cut))
        for name, layer in found.items()
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _recorder(
    model: nn.Module, name: str, stop_at: int | None, record: dict[str, Tensor], cut: bool
) -> Callable[[nn.Module, Any, Any], Tensor | None]:
    def hook(layer: nn.Module, _inputs: Any, output: Any) -> Tensor | None:
        if name in record:
            return None
        if not isinstance(output, Tensor):
            raise _no_tensor(name, layer, output)
        source = output.detach() if cut else output
        read = as_read(model, name, source)
        record[name] = read.requires_grad_() if cut else read
        if len(record) == stop_at:
            raise _AllReached
        # What runs on comes from what was read, so that its gradient does; an in-place layer above works on the copy.
        return (read if read is source else read.permute(0, 2, 3, 1)).clone()

    return hook


def _no_tensor(name: str, layer: nn.Module, output: Any) -> BadInput:
    kind = type(output).__name__
    if name == LOGITS:
        return NoLogits(f"{type(layer).__name__} puts out a {kind}, not logits; wrap it so that it returns them alone")
    return LayerNotFound(f"layer {name!r} puts out a {kind}, not one tensor; choose one inside it")


def class_logits(model: nn.Module, images: Images) -> Logits:
    """Return a classifier's logits, as part of the graph if the images require a gradient.

    Raises:
        BadInput: the model puts out something else than ``(b, classes)``, or cannot take images like these.
    """
    logits = activations(model, images, LOGITS)[LOGITS]
    if logits.ndim != 2:
        shape = ", ".join(map(str, logits.shape))
        raise BadInput(
            f"{_class_name(model)} puts out ({shape}), not (b, classes): it has no class logits; take a classifier, or "
            "an objective of one of its layers"
        )
    return logits


def evaluate(model: nn.Module, images: Images, layers: str | Iterable[str], batch: int = 16) -> dict[str, Activations]:
    """Return activations of many images without a graph, computed `batch` images at a time."""
    with torch.inference_mode():
        return activations(model, images, layers, pieces=batch)


def layer_shapes(model: nn.Module, size: int = 224, *, inside: bool = False) -> dict[str, tuple[int, ...]]:
    """Return the layers that an image reaches and the shape that each puts out, without the batch: name -> shape.

    Args:
        model: The network.
        size: Height and width of the image, in pixels.
        inside: Also the layers inside blocks; else a block counts as one layer.
    """
    prefix = "module." if isinstance(model, Classifier) else ""
    layers = {
        path.removeprefix(prefix): layer for path, layer in model.named_modules() if path and path + "." != prefix
    }
    shapes: dict[str, tuple[int, ...]] = {}

    def note(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(_layer: nn.Module, _inputs: Any, output: Any) -> None:
            if isinstance(output, Tensor):
                shapes.setdefault(name, tuple(as_read(model, name, output).shape[1:]))

        return hook

    handles = [layer.register_forward_hook(note(name)) for name, layer in layers.items()]
    try:
        with torch.inference_mode(), suppress(NoLogits):  # its layers were reached before
            model(torch.full((1, 3, size, size), 0.5, device=device_of(model)))
    finally:
        for handle in handles:
            handle.remove()
    groups = {name for name, layer in layers.items() if type(layer) in (nn.Sequential, nn.ModuleList)}
    depths = {name: name.count(".") - (name.partition(".")[0] in groups) for name in layers}
    return {name: shapes[name] for name in layers if name in shapes and (inside or depths[name] <= 0)}


def device_of(model: nn.Module) -> torch.device:
    """Return where a model's weights lie; the processor, if it has none."""
    return next((tensor.device for tensor in model.parameters()), torch.device("cpu"))
