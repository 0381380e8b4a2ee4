"""All methods under their names, with one way to call them: what the command line and comparisons go through."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

from torch import Tensor, nn

from innerview.attribution.cams import counterfactual_grad_cam, grad_cam, grad_cam_plus_plus, guided_grad_cam, layer_cam
from innerview.attribution.class_activation import cam
from innerview.attribution.gradients import deconvnet, gradient_times_input, guided_backprop, saliency
from innerview.attribution.integrals import integrated_gradients, smooth_grad
from innerview.attribution.occlusion import occlusion, spread
from innerview.attribution.rise import rise
from innerview.attribution.spatial import spatial_attribution
from innerview.attribution.targets import Target
from innerview.core.errors import BadInput, near
from innerview.core.types import Images

RISE_MASKS: Final = 500
"""Few against the paper's 4000: enough for a picture in seconds, too few for numbers."""
OCCLUDED_SHARE: Final = 7
"""The patch is the image's shorter side divided by this: 32 of 224 pixels."""


@runtime_checkable
class Explain(Protocol):
    """How every method is called; one that reads no layer, or draws nothing at random, ignores it."""

    def __call__(
        self, model: nn.Module, images: Images, target: Target = None, layer: str | None = None, *, seed: int = 0
    ) -> Tensor:
        """Return maps ``(b, rows, columns)`` of the method's own resolution, which cover the whole images."""
        ...


@dataclass(frozen=True)
class Method:
    """A way to explain a score by a map for each image.

    Args:
        name: As on the command line.
        title: For people.
        explain: See `Explain`.
        unit: Of the maps where classes are explained; None where maps of two images or classes share none.
        signed: Whether the maps tell for from against.
        fine: Whether the maps change from pixel to pixel, so that they are drawn alone and not over the image.
        layered: Whether a layer is read.
        slow: Whether the network runs dozens of times for each image.
    """

    name: str
    title: str
    explain: Explain
    unit: str | None
    signed: bool = False
    fine: bool = False
    layered: bool = False
    slow: bool = False


def _plain(function: Callable[..., Tensor]) -> Explain:
    def explain(
        model: nn.Module, images: Images, target: Target = None, layer: str | None = None, *, seed: int = 0
    ) -> Tensor:
        del layer, seed
        return function(model, images, target)

    return explain


def _seeded(function: Callable[..., Tensor]) -> Explain:
    def explain(
        model: nn.Module, images: Images, target: Target = None, layer: str | None = None, *, seed: int = 0
    ) -> Tensor:
        del layer
        return function(model, images, target, seed=seed)

    return explain


def _layered(function: Callable[..., Tensor]) -> Explain:
    def explain(
        model: nn.Module, images: Images, target: Target = None, layer: str | None = None, *, seed: int = 0
    ) -> Tensor:
        del seed
        return function(model, images, target, layer)

    return explain


def _occluded(model: nn.Module, images: Images, target: Target = None) -> Tensor:
    """Give each pixel the mean over the windows that cover it, of a size relative to the image."""
    size = (images.shape[-2], images.shape[-1])
    patch = max(1, min(size) // OCCLUDED_SHARE)
    return spread(occlusion(model, images, target, patch=patch), size, patch=patch)


def _centred_rise(model: nn.Module, images: Images, target: Target = None, *, seed: int = 0) -> Tensor:
    """Take a map's mean from it: the same probability comes with every pixel, and would hide how pixels differ."""
    maps = rise(model, images, target, masks=RISE_MASKS, seed=seed)
    return maps - maps.mean((1, 2), keepdim=True)


SLOPE, LOGITS = "logits per unit of brightness", "logits"

_ALL: Final = (
    Method("saliency", "Saliency", _plain(saliency), SLOPE, fine=True),
    Method("gradient_times_input", "Gradient x input", _plain(gradient_times_input), LOGITS, signed=True, fine=True),
    Method("smooth_grad", "SmoothGrad", _seeded(smooth_grad), SLOPE, fine=True, slow=True),
    Method(
        "integrated_gradients", "Integrated gradients", _plain(integrated_gradients), LOGITS, signed=True, fine=True,
        slow=True,
    ),
    Method("deconvnet", "Deconvnet", _plain(deconvnet), None, fine=True),
    Method("guided_backprop", "Guided backprop", _plain(guided_backprop), None, fine=True),
    Method("occlusion", "Occlusion", _plain(_occluded), LOGITS, signed=True, slow=True),
    Method("rise", "RISE, less its mean", _seeded(_centred_rise), "probability", signed=True, slow=True),
    Method("cam", "CAM", _layered(cam), LOGITS, signed=True, layered=True),
    Method("grad_cam", "Grad-CAM", _layered(grad_cam), LOGITS, layered=True),
    Method("grad_cam_plus_plus", "Grad-CAM++", _layered(grad_cam_plus_plus), None, layered=True),
    Method("layer_cam", "LayerCAM", _layered(layer_cam), LOGITS, layered=True),
    Method("guided_grad_cam", "Guided Grad-CAM", _layered(guided_grad_cam), None, fine=True, layered=True),
    Method(
        "counterfactual_grad_cam", "Counterfactual Grad-CAM", _layered(counterfactual_grad_cam), LOGITS, layered=True
    ),
    Method(
        "spatial_attribution", "Spatial attribution", _layered(spatial_attribution), LOGITS, signed=True, layered=True
    ),
)  # fmt: skip

METHODS: Final[Mapping[str, Method]] = {method.name: method for method in _ALL}
"""Name -> method, in the order in which sheets show them.

Occlusion covers a seventh of the shorter side, half a patch apart, and its map is spread over the pixels. RISE draws
500 masks, and its map is less its own mean. The others have their own defaults.
"""


def chosen(names: str | Iterable[str]) -> tuple[Method, ...]:
    """Return the methods of these names: ``"all"``, one, several with commas between, or an iterable; each once.

    Raises:
        BadInput: a name of no method; the message names near ones. No name at all.
    """
    listed = names.split(",") if isinstance(names, str) else names
    wanted = list(dict.fromkeys(name.strip() for name in listed if name.strip()))
    if wanted == ["all"]:
        return _ALL
    for name in wanted:
        if name not in METHODS:
            known = ", ".join(METHODS)
            raise BadInput(f"no method is called {name!r}{near(name, METHODS)}; choose among {known}, or all")
    if not wanted:
        raise BadInput(f"name at least one method: {', '.join(METHODS)}, or all")
    return tuple(METHODS[name] for name in wanted)
