"""Reading activations: run a network only as deep as needed, and leave no hook behind."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from innerview.core.errors import BadInput, LayerNotFound
from innerview.core.types import Activations, Images
from innerview.models.layers import find_layer


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


def activations(model: nn.Module, images: Images, layers: str | Iterable[str]) -> dict[str, Activations]:
    """Return what layers put out for images, as part of the graph if the images require a gradient.

    The forward pass stops as soon as every layer was reached.

    Args:
        model: Any network that takes these images.
        images: ``(b, 3, h, w)`` in [0, 1].
        layers: Names (see `innerview.models.layers`); the empty name is the model's own output.

    Returns:
        Name -> ``(b, c, h', w')`` (or what else the layer puts out), in the order asked for.

    Raises:
        LayerNotFound: the model has no such layer, or the images never reach it.
    """
    names = _names(layers)
    record: dict[str, Tensor] = {}
    with _hooks(model, names, record, stop=True):
        try:
            model(images)
        except _AllReached:
            pass
        except RuntimeError as error:
            if not _too_small(error):
                raise
            size = "x".join(map(str, images.shape[-2:]))
            raise BadInput(f"images of {size} pixels are too small for layers {names}; enlarge them") from error
    missing = [name for name in names if name not in record]
    if missing:
        raise LayerNotFound(f"the images never reach layer {missing[0]!r} of {type(model).__name__}; choose another")
    return {name: record[name] for name in names}


def _names(layers: str | Iterable[str]) -> list[str]:
    return [layers] if isinstance(layers, str) else list(dict.fromkeys(layers))


def _too_small(error: RuntimeError) -> bool:
    message = str(error)
    return "Output size is too small" in message or "can't be greater than actual input size" in message


@contextmanager
def _hooks(model: nn.Module, names: list[str], record: dict[str, Tensor], stop: bool = False) -> Iterator[None]:
    found = {name: find_layer(model, name) for name in names}
    handles = [layer.register_forward_hook(_recorder(name, names, record, stop)) for name, layer in found.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _recorder(
    name: str, names: list[str], record: dict[str, Tensor], stop: bool
) -> Callable[[nn.Module, Any, Any], Tensor]:
    def hook(_layer: nn.Module, _inputs: Any, output: Any) -> Tensor:
        if not isinstance(output, Tensor):
            raise LayerNotFound(
                f"layer {name!r} puts out a {type(output).__name__}, not one tensor; choose one inside it"
            )
        record.setdefault(name, output)
        if stop and len(record) == len(names):
            raise _AllReached
        return output.clone()  # an in-place layer above works on the copy and leaves the record alone

    return hook


def evaluate(model: nn.Module, images: Images, layers: Iterable[str], batch: int = 16) -> dict[str, Activations]:
    """Return activations of many images without a graph, computed `batch` images at a time."""
    names = _names(layers)
    with torch.inference_mode():
        parts = [activations(model, part, names) for part in images.split(batch)]
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def layer_shapes(model: nn.Module, size: int = 224, *, inside: bool = False) -> dict[str, tuple[int, ...]]:
    """Return the layers that an image reaches and the shape that each puts out, without the batch: name -> shape.

    Args:
        model: The network.
        size: Height and width of the image, in pixels.
        inside: Also the layers inside blocks; else a block counts as one layer.
    """
    shapes: dict[str, tuple[int, ...]] = {}

    def note(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(_layer: nn.Module, _inputs: Any, output: Any) -> None:
            if isinstance(output, Tensor):
                shapes.setdefault(name, tuple(output.shape[1:]))

        return hook

    prefix = "module." if hasattr(model, "module") else ""
    layers = [(name, layer) for name, layer in model.named_modules() if name and name != "module"]
    handles = [layer.register_forward_hook(note(name.removeprefix(prefix))) for name, layer in layers]
    try:
        with torch.inference_mode():
            model(torch.full((1, 3, size, size), 0.5, device=_device(model)))
    finally:
        for handle in handles:
            handle.remove()
    groups = {name for name, layer in layers if type(layer) in (nn.Sequential, nn.ModuleList)}
    return {
        name: shapes[name]
        for name in (full.removeprefix(prefix) for full, _ in layers)
        if name in shapes and (inside or "." not in name or (name.count(".") == 1 and name.partition(".")[0] in groups))
    }


def _device(model: nn.Module) -> torch.device:
    return next((tensor.device for tensor in model.parameters()), torch.device("cpu"))
