"""Adversarial examples: images that a network takes for something else {cite}`szegedy2014intriguing`."""
