"""Which units of a generator make what {cite}`bau2019gan`."""
