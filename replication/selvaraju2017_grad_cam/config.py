"""What the replication runs: the paper's settings, and sizes of ours where the paper names none."""

from dataclasses import dataclass

from innerview.localization import find_ilsvrc


@dataclass(frozen=True)
class Config:
    """Settings of all studies; section numbers are those of the paper."""

    model: str = "googlenet"
    others: tuple[str, ...] = ("torchvision/vgg16", "torchvision/alexnet")  # Table 1; left out if they cannot be had
    layer: str = "inception_5b"  # the last layer with positions; Sec. 3
    size: int = 224  # pixels

    # Localization, Sec. 4.1
    threshold: float = 0.15  # of the heatmap's maximum
    overlap: float = 0.5  # intersection over union from which a box counts as right
    images: int = 50_000  # photographs with boxes, at most
    imagenet: str = ""  # folder of the full ILSVRC validation set; else the 500 photographs of ten classes
    compared: int = 500  # of these, for the comparison of methods

    # Faithfulness, Sec. 5.3 of the journal version
    occluded: int = 500  # photographs
    patch: int = 32  # pixels of a covered square, and of the step to the next; the paper names none
    curves: int = 200  # photographs of the deletion and insertion curves
    curve_steps: int = 28

    # Discrimination, pointing and segmentation
    scenes: int = 128  # photographs with outlines
    smallest: float = 0.005  # share of the photograph that an object must cover
    tolerance: int = 15  # pixels; the pointing game's
    segmented: int = 1000  # objects
    seeds: float = 0.2  # of the maximum: Grad-CAM's foreground seeds, Sec. 4.2

    # Adversarial noise, Sec. 6.2
    attacked: int = 200  # photographs
    epsilon: float = 8 / 255
    attack_steps: int = 20
    wrong: int = 404  # airliner: the class that the network is made to see

    # Counterfactual explanations, Sec. 3.3
    removed: int = 500  # photographs, and objects of scenes
    removed_share: float = 0.2  # of the photograph's pixels

    # Layers, sanity
    layers: tuple[str, ...] = (
        "conv2_3x3", "inception_3a", "inception_3b", "inception_4a", "inception_4b", "inception_4c", "inception_4d",
        "inception_4e", "inception_5a", "inception_5b",
    )  # fmt: skip
    layered: int = 500  # photographs
    sane: int = 32  # photographs

    # The photograph of all methods
    photo: str = "grad_cam_photo/both.png"
    pair: tuple[int, int] = (242, 282)  # boxer, tiger cat
    methods: tuple[str, ...] = (
        "saliency", "gradient_times_input", "smooth_grad", "integrated_gradients", "deconvnet", "guided_backprop",
        "occlusion", "rise", "cam", "grad_cam", "grad_cam_plus_plus", "layer_cam", "guided_grad_cam",
        "counterfactual_grad_cam", "spatial_attribution",
    )  # fmt: skip

    def __post_init__(self) -> None:
        if self.imagenet:
            find_ilsvrc(self.imagenet)  # or say now that it holds nothing
