"""Make the picture of the README: channels of GoogLeNet from low layers to high ones.

python tools/make_readme_picture.py book/static/channels.jpg
"""

import sys
from pathlib import Path

import torch

import innerview as iv

CHANNELS = {
    "inception_3b": [30, 379],
    "inception_4a": [97, 476],
    "inception_4b": [5, 77],
    "inception_4c": [10, 100, 447],
    "inception_4d": [33, 139],
    "inception_4e": [1, 55],
    "inception_5a": [400],
}
"""Chosen by eye among some forty."""


def main(out: Path) -> None:
    """Render each channel at 128 pixels, two rows of seven."""
    model = iv.load_model("googlenet")
    pictures = [
        iv.visualize(model, iv.channel(layer, channels), size=128, steps=512, progress=True).images
        for layer, channels in CHANNELS.items()
    ]
    iv.write_image(out, torch.cat(pictures), columns=7)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
