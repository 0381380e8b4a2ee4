"""A layer's output as maps over the image, whichever way the network lays it out.

Convolutions put out ``(b, c, rows, columns)``, Swin's blocks ``(b, rows, columns, c)``, a vision transformer's layers
tokens ``(b, n, c)``: the places row by row, behind tokens that stand for no place. The image's proportions tell them
apart. Where they do not, the model declares it: `channels_last` of `as_classifier`, or `with_token_grid`.
"""

import copy
from typing import Final, TypeVar

from jaxtyping import Float
from torch import Tensor, nn

from innerview.core.errors import BadInput
from innerview.core.types import Activations, Images
from innerview.models.classifier import Classifier

ChannelMaps = Float[Tensor, "b channels rows columns"]
"""One number per channel and position of a layer."""

EXTRA_TOKENS: Final = (0, 1, 2, 5, 4)
"""How many tokens may stand before the places, the likely first: none, a class token, a distillation token beside it,
four registers with and without a class token."""

SLACK: Final = 0.15
"""How far proportions may differ where convolutions without borders have taken as much from the short side."""

Model = TypeVar("Model", bound=nn.Module)


def with_token_grid(model: Model, grid: tuple[int, int]) -> Model:
    """Say how a transformer's tokens lie over the image, where that cannot be found by itself.

    Args:
        model: A network whose layers put out tokens ``(b, n, c)``.
        grid: Rows and columns. Of each layer's tokens the last rows * columns are the places, row by row; those before
            them (class, distillation and register tokens) are left out.

    Returns:
        The same network, with the same layers and weights; the one given stays without a declaration.

    Raises:
        BadInput: the grid has not at least two places.
    """
    rows, columns = grid
    if min(grid) < 1 or rows * columns < 2:
        raise BadInput(f"a grid of {rows}x{columns} tokens is no map; give rows and columns of at least two places")
    declaring = copy.copy(model)
    vars(declaring)["token_grid"] = (rows, columns)  # `setattr` is typed for layers and weights
    return declaring


def as_maps(model: nn.Module, layer: str, output: Activations, images: Images) -> ChannelMaps:
    """Return what a layer put out, or a gradient of that, as one map per channel.

    Args:
        model: The network; its `token_grid` says how tokens lie, if it has one.
        layer: The layer's name, for the messages.
        output: As `innerview.models.activations` reads it.
        images: What the network was given; its proportions are those of the maps.

    Returns:
        ``(b, c, rows, columns)``, a view of `output`.

    Raises:
        BadInput: the layer has no positions or only one, or nothing tells how its tokens lie.
    """
    size = _seen_size(model, images)
    if output.ndim == 3:
        maps = _from_tokens(layer, output, getattr(model, "token_grid", None) or _token_grid(output.shape[1], size))
    elif output.ndim == 4:
        first, second, third = output.shape[1:]
        swapped = not _fits(second, third, size) and _fits(first, second, size)
        maps = output.permute(0, 3, 1, 2) if swapped else output
    else:
        maps = output[..., None, None]
    if maps.ndim != 4 or maps.shape[2] * maps.shape[3] == 1:
        shape = ", ".join(map(str, output.shape))
        raise BadInput(f"layer {layer!r} has no spatial map: it puts out ({shape}); choose one before the pooling")
    return maps


def lies_over(model: nn.Module, maps: ChannelMaps, images: Images) -> bool:
    """Tell whether maps have the proportions of the images, up to what borders take: queries by heads have not."""
    size = _seen_size(model, images)
    rows, columns = maps.shape[-2:]
    ratio = (rows / columns) / (size[0] / size[1])
    return _fits(rows, columns, size) or abs(ratio - 1) <= SLACK


def _seen_size(model: nn.Module, images: Tensor) -> tuple[int, int]:
    """Return the height and width that the network itself is given."""
    if isinstance(model, Classifier) and model.intake.size is not None:
        return model.intake.size
    return images.shape[-2], images.shape[-1]


def _fits(rows: int, columns: int, size: tuple[int, int]) -> bool:
    """Whether a grid can come from an image at one stride; each side may be off by one place, as borders make it."""
    height, width = size
    most = min(side / max(places - 1, 0.5) for side, places in zip(size, (rows, columns), strict=True))
    return max(height / (rows + 1), width / (columns + 1)) <= most


def _token_grid(tokens: int, size: tuple[int, int]) -> tuple[int, int] | None:
    """Find rows and columns of square patches that leave a likely number of tokens over.

    Patches that cut the image whole come first. Those that leave pixels over fit almost any number, so that only the
    likeliest tokens may stand before them.
    """
    height, width = size
    patches = range(1, min(size) + 1)
    for cuts, extras in ((True, EXTRA_TOKENS), (False, EXTRA_TOKENS[:3])):
        grids = [
            (height // patch, width // patch) for patch in patches if cuts == (height % patch == width % patch == 0)
        ]
        places = {rows * columns: (rows, columns) for rows, columns in grids if rows * columns > 1}
        found = next((places[tokens - extra] for extra in extras if tokens - extra in places), None)
        if found is not None:
            return found
    return None


def _from_tokens(layer: str, output: Tensor, grid: tuple[int, int] | None) -> Tensor:
    tokens = output.shape[1]
    if tokens == 1:
        return output.mT[..., None]
    if grid is None or grid[0] * grid[1] > tokens:
        reason = "nothing tells how they lie" if grid is None else f"too few for {grid[0]}x{grid[1]} places"
        raise BadInput(
            f"layer {layer!r} puts out {tokens} tokens, {reason}; give rows and columns with "
            "`with_token_grid(model, (rows, columns))`"
        )
    return output[:, tokens - grid[0] * grid[1] :].mT.unflatten(2, grid)
