"""Activation atlases: what a layer sees in many images, laid out as one map {cite}`carter2019atlas`."""
