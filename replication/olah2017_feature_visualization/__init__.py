"""Feature visualization {cite}`olah2017feature`."""
