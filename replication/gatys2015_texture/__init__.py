"""Texture synthesis with the correlations of a network's channels {cite}`gatys2015texture`."""
