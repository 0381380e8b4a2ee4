"""One folder a paper: configuration, figures, claims and the notebook."""
