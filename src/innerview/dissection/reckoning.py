"""Reckoning what each position of a layer can see, from the operations that a network runs.

For each tensor that depends on the image it is kept, row by row and column by column, which pixels its positions
depend on: the first one and the one behind the last. A convolution or pooling joins those of its window, by kernel,
stride, padding and dilation; branches that come together join theirs; what works position by position keeps them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from innerview.core.errors import BadInput

NOWHERE: Final = np.iinfo(np.int64).max
"""First pixel of a position that sees none, as in padding; behind its last one is 0."""

aten = torch.ops.aten


class Bounds(NamedTuple):
    """Along one side of the image: what each row (or column) of a tensor sees, ``(extent,)`` each."""

    first: np.ndarray
    stop: np.ndarray

    def windowed(self, windows: Sequence[np.ndarray]) -> "Bounds":
        """Join what is seen in each window, given by indices; those outside are padding and see nothing."""
        inside = [window[(window >= 0) & (window < len(self.first))] for window in windows]
        first = [self.first[window].min(initial=NOWHERE) for window in inside]
        stop = [self.stop[window].max(initial=0) for window in inside]
        return Bounds(np.array(first), np.array(stop))

    def joined(self, other: "Bounds") -> "Bounds":
        """Join both, position by position; a single position stands beside all."""
        return Bounds(np.minimum(self.first, other.first), np.maximum(self.stop, other.stop))

    def whole(self) -> "Bounds":
        """Join all positions into one."""
        return self.windowed([np.arange(len(self.first))])


class Reach(NamedTuple):
    """What the positions of a tensor see of the image."""

    rows: Bounds
    columns: Bounds

    @property
    def extent(self) -> tuple[int, int]:
        """Rows and columns of the tensor."""
        return len(self.rows.first), len(self.columns.first)

    def joined(self, other: "Reach") -> "Reach":
        """Join both, position by position."""
        return Reach(self.rows.joined(other.rows), self.columns.joined(other.columns))

    def whole(self) -> "Reach":
        """Join all positions into one."""
        return Reach(self.rows.whole(), self.columns.whole())


class Reckoner(TorchDispatchMode):
    """Follows an image through what runs inside the block.

    Args:
        image: ``(1, 3, h, w)``.
    """

    def __init__(self, image: Tensor) -> None:
        super().__init__()
        self._known: dict[int, dict[tuple[int, ...], Reach]] = {}
        sides = (Bounds(np.arange(side), np.arange(side) + 1) for side in image.shape[2:])
        self._note(image, Reach(*sides), keep=False)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        del types
        result = func(*args, **(kwargs or {}))
        given = [one for one in tree_leaves((args, kwargs or {})) if isinstance(one, Tensor)]
        for one in tree_leaves(result):
            if isinstance(one, Tensor):
                self._follow(func, args, given, one)
        return result

    def reach(self, tensor: Tensor) -> Reach | None:
        """Return what a tensor's positions see; None if it does not depend on the image."""
        known = self._known.get(_storage(tensor))
        if known is None:
            return None
        if _extent(tensor) in known:
            return known[_extent(tensor)]
        wholes = [reach.whole() for reach in known.values()]
        found = wholes[0]
        for other in wholes[1:]:
            found = found.joined(other)
        return found

    def _note(self, tensor: Tensor, reach: Reach, *, keep: bool) -> None:
        """Note what a tensor sees; `keep` what was written to the same memory before, as where a part is written."""
        known = self._known.setdefault(_storage(tensor), {}) if keep else {}
        before = known.get(_extent(tensor))
        known[_extent(tensor)] = reach if before is None else before.joined(reach)
        self._known[_storage(tensor)] = known

    def _follow(self, func: Any, args: Any, given: list[Tensor], result: Tensor) -> None:
        reaches = {id(one): found for one in given if (found := self.reach(one)) is not None}
        isfresh = all(_storage(one) != _storage(result) for one in given)
        if func.overloadpacket in MADE or not reaches:
            if isfresh:
                self._known.pop(_storage(result), None)  # memory that belonged to another tensor
            return
        window = WINDOWED.get(func.overloadpacket)
        if window is not None:
            found = _windowed(reaches[id(args[0])], window(args, result))
        else:
            found = _local(func, args, list(reaches.values()), result)
        self._note(result, found, keep=not isfresh)


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata  # noqa: SLF001  # pyright: ignore[reportAttributeAccessIssue]  (the only name of it)


def _extent(tensor: Tensor) -> tuple[int, ...]:
    return tuple(tensor.shape[-2:])


Windows = tuple[list[np.ndarray], list[np.ndarray]]
"""For each row, and each column, of what a layer puts out: the rows and columns that it takes in."""


def _windowed(reach: Reach, windows: Windows) -> Reach:
    return Reach(reach.rows.windowed(windows[0]), reach.columns.windowed(windows[1]))


def _strided(result: Tensor, kernel: Any, stride: Any, padding: Any, dilation: Any) -> Windows:
    pairs = zip(_pair(kernel), _pair(stride), _pair(padding), _pair(dilation), result.shape[-2:], strict=True)
    rows, columns = (
        [place * step - pad + gap * np.arange(taps) for place in range(extent)]
        for taps, step, pad, gap, extent in pairs
    )
    return rows, columns


def _pair(value: Any) -> tuple[int, int]:
    values = [value] if isinstance(value, int) else list(value)
    return values[0], values[-1]


def _convolved(args: Any, result: Tensor) -> Windows:
    if args[6]:
        raise BadInput("a transposed convolution cannot be reckoned; measure the field with receptive_field")
    return _strided(result, args[1].shape[-2:], *args[3:6])


def _pooled(args: Any, result: Tensor) -> Windows:
    stride, padding = (args[2] if len(args) > 2 and args[2] else args[1]), args[3] if len(args) > 3 else 0
    return _strided(result, args[1], stride, padding, args[4] if len(args) > 4 else 1)


def _averaged(args: Any, result: Tensor) -> Windows:
    return _pooled(args[:4], result)  # what follows is no dilation


def _adapted(args: Any, result: Tensor) -> Windows:
    rows, columns = (
        [np.arange(place * side // extent, -(-(place + 1) * side // extent)) for place in range(extent)]
        for side, extent in zip(args[0].shape[-2:], result.shape[-2:], strict=True)
    )
    return rows, columns


def _padded(args: Any, result: Tensor) -> Windows:
    left, _, top = (*args[1], 0, 0)[:3]
    rows, columns = (
        [np.array([place - before]) for place in range(extent)]
        for before, extent in zip((top, left), result.shape[-2:], strict=True)
    )
    return rows, columns


WINDOWED: Final[Mapping[Any, Callable[[Any, Tensor], Windows]]] = {
    aten.convolution: _convolved,
    aten.max_pool2d_with_indices: _pooled,
    aten.avg_pool2d: _averaged,
    aten._adaptive_avg_pool2d: _adapted,  # noqa: SLF001  (its name in PyTorch)
    aten.adaptive_max_pool2d: _adapted,
    aten.constant_pad_nd: _padded,
}

MADE: Final = {aten.empty_like, aten.zeros_like, aten.ones_like, aten.full_like, aten.new_empty, aten.new_zeros}
"""They take a shape, and nothing of what is in a tensor."""

POSITIONWISE: Final = {
    aten.cat, aten.clone, aten._to_copy, aten.copy_, aten.copy, aten.detach, aten.alias,  # noqa: SLF001
    aten.native_batch_norm, aten._native_batch_norm_legit_no_training, aten._native_batch_norm_legit,  # noqa: SLF001
    aten.cudnn_batch_norm, aten.native_dropout, aten.split, aten.split_with_sizes, aten.slice, aten.expand, aten.view,
    aten._unsafe_view,  # noqa: SLF001
}  # fmt: skip
"""Beside all that PyTorch tags as pointwise: they keep rows and columns where the last two sizes stay what they are."""

ALONG: Final = {
    aten.select, aten.unbind, aten.unsqueeze, aten.squeeze, aten.mean, aten.sum, aten.amax, aten.var, aten.var_mean,
    aten._softmax, aten._log_softmax,  # noqa: SLF001
}  # fmt: skip
"""They work along one axis or several, named by their second argument, and keep the others."""

MIXING: Final = {
    aten.mm, aten.addmm, aten.bmm, aten.baddbmm, aten.linear, aten.t, aten.native_layer_norm, aten.as_strided_,
}  # fmt: skip
"""They join all that they are given."""


def _local(func: Any, args: Any, reaches: list[Reach], result: Tensor) -> Reach:
    """Follow what works position by position, or joins all positions to one that has none."""
    kind = func.overloadpacket
    keeps = torch.Tag.pointwise in func.tags or kind in POSITIONWISE or (kind in ALONG and not _is_along_sides(args))
    mapped = {reach.extent for reach in reaches} - {(1, 1)}
    if keeps and mapped <= {_extent(result)}:
        return _joined(reaches)
    isgone = result.ndim < 3 or _extent(result) == (1, 1)
    if not isgone or not (keeps or kind in ALONG or kind in MIXING):
        raise BadInput(f"the operation {kind} cannot be reckoned; measure the field with receptive_field")
    return _joined([reach.whole() for reach in reaches])


def _is_along_sides(args: Any) -> bool:
    """Tell whether an operation works along rows or columns."""
    axes = args[1] if len(args) > 1 else None
    axes = axes if isinstance(axes, list | tuple) else [axes]
    return any(axis is None or axis % args[0].ndim >= args[0].ndim - 2 for axis in axes)


def _joined(reaches: list[Reach]) -> Reach:
    found = reaches[0]
    for other in reaches[1:]:
        found = found.joined(other)
    return found
