"""Generators as priors of feature visualisation {cite}`nguyen2016synthesizing,nguyen2017plug,wei2015intraclass`."""
