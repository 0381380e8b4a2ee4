"""The array types of the whole project, checked at run time in the tests (jaxtyping)."""

from jaxtyping import Bool, Float
from torch import Tensor

Images = Float[Tensor, "b 3 h w"]
"""RGB in [0, 1], batch first."""

ResizedImages = Float[Tensor, "b 3 H W"]
"""Images of another size than those that came in."""

AnyImages = Float[Tensor, "_b 3 _h _w"]
"""Images whose number and size have nothing to do with those of others that came in."""

Opacity = Float[Tensor, "b 1 h w"]
"""How opaque images are, in [0, 1], batch first."""

ResizedOpacity = Float[Tensor, "b 1 H W"]
"""How opaque images were that have another size now."""

TransparentImages = Float[Tensor, "b 4 h w"]
"""RGB and opacity in [0, 1], batch first; colours are not yet multiplied by the opacity."""

Activations = Float[Tensor, "b *channels_and_positions"]
"""What a layer puts out, batch first: ``(b, c, h, w)`` for a convolution, ``(b, c)`` for a linear layer."""

Logits = Float[Tensor, "b classes"]
"""Scores before the softmax."""

Values = Float[Tensor, " b"]
"""One number per image."""

Heatmaps = Float[Tensor, "b h w"]
"""One number per pixel of each image."""

LayerMaps = Float[Tensor, "b rows columns"]
"""One number per position of a layer, or per place of a coarse grid over the image."""

ResizedMaps = Float[Tensor, "b H W"]
"""Maps of another size than those that came in."""

Masks = Bool[Tensor, "b h w"]
"""Whether each pixel belongs to something."""

Boxes = Float[Tensor, "n 4"]
"""Corners ``x0, y0, x1, y1`` in pixels; a box covers the pixels from x0 up to, not including, x1."""
