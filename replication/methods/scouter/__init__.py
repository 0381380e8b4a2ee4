"""Why, and why not: SCOUTER {cite}`li2021scouter`."""
