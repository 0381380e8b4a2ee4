"""Style transfer with convolutional networks {cite}`gatys2016style`."""
