"""Make torchvision importable beside a processor build of torch.

torchvision's wheels from a plain package index are compiled against CUDA. Beside a torch without CUDA their
operators cannot be loaded, and `import torchvision` fails at `operator torchvision::nms does not exist`, although
the classifiers need no such operator. Declaring the two operators' schemas is enough. Detection models and
`torchvision.io` stay unavailable then.
"""

import sys
from typing import Final

import torch

SCHEMAS: Final = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_declared: list[torch.library.Library] = []  # a library's schemas live as long as the object


def make_importable() -> None:
    """Declare torchvision's operators if, and only if, importing it fails for the lack of them."""
    try:
        import torchvision  # noqa: F401, PLC0415
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        library = torch.library.Library("torchvision", "DEF")
        for schema in SCHEMAS:
            library.define(schema)
        _declared.append(library)
