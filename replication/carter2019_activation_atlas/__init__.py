"""Activation atlases {cite}`carter2019atlas`."""
