"""What the page runs: attacks, their sizes, and how many photographs each study has; all numbers are ours."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """Settings of all studies."""

    model: str = "googlenet"
    others: tuple[str, ...] = ("squeezenet1_1", "efficientnet_lite0")
    size: int = 224  # pixels
    names: tuple[str, ...] = ("goldfish", "ladybug", "espresso", "daisy")  # classes that nobody photographed here

    # One photograph, every attack
    shown: int = 50  # its place among the photographs: a dog
    led_to: str = "espresso"
    shown_levels: float = 1.0  # epsilon in levels of 255, under L-infinity
    shown_length: float = 1.0  # epsilon under L2
    shown_steps: int = 12
    led_levels: float = 4.0  # epsilon of the targeted attack

    # Accuracy against epsilon
    attacked: int = 200  # photographs
    steps: int = 20
    levels: tuple[float, ...] = (0.1, 0.25, 0.5, 1, 2, 4, 8, 16)  # of 255; L-infinity, one step
    fine_levels: tuple[float, ...] = (0.1, 0.25, 0.5, 1, 2)  # the same, many steps: nothing is right beyond
    lengths: tuple[float, ...] = (0.1, 0.25, 0.5, 1, 2)  # L2

    # DeepFool and universal perturbations
    pushed: int = 200  # photographs for DeepFool
    universal: int = 250  # photographs that the perturbation is made with
    unseen: int = 250  # photographs that it is tried on
    epochs: int = 5
    candidates: int = 10  # classes that DeepFool compares there
    overshoot: float = 0.02  # of DeepFool there; few photographs fill the ball only if each pushes farther

    # Images that show nothing
    nothing_steps: int = 100
    visual_steps: int = 512
    draws: int = 16  # small transformations of each image

    # Other networks
    carried: int = 200  # photographs
    carried_levels: float = 8.0  # epsilon in levels of 255
    carried_steps: int = 10

    # Channels and random directions
    layers: tuple[str, ...] = ("inception_4d", "pool5_7x7_s1")  # the last layer but one is the paper's
    surveyed: int = 500  # photographs
    top: int = 9
