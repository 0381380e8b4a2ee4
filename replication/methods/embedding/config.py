"""What the page lays out."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """Settings; those without a source are ours."""

    model: str = "googlenet"  # Karpathy: CaffeNet
    layer: str = "pool5_7x7_s1"  # the last before the classifier; Karpathy: fc7, the same place
    layers: tuple[str, ...] = (  # from the image up; purity is followed through them
        "pool1_3x3_s2", "pool2_3x3_s2", "inception_3b", "inception_4b", "inception_4e", "inception_5a",
    )  # fmt: skip
    size: int = 224  # pixels; photographs are squeezed to squares
    pixels: int = 32  # side of the small pictures whose pixels are compared
    photographs: int = 1000  # of ten classes; Karpathy: 50,000
    followed: int = 200  # of them through the layers
    neighbors: int = 10  # whose classes are looked at
    maps: tuple[str, ...] = ("pca", "tsne", "umap")
    perplexity: float = 30.0  # of t-SNE; van der Maaten and Hinton, Sec. 4.2: 40 for 6000 digits
    close: int = 15  # neighbours of UMAP
    queries: int = 3  # photographs whose neighbours are shown
    shown: int = 64  # pixels of a photograph's side in the zoomable map
