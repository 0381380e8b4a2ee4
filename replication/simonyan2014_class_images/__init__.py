"""Class images by plain gradient ascent {cite}`simonyan2014deep,yosinski2015understanding`."""
