"""DeepDream {cite}`mordvintsev2015deepdream`."""
