"""Embedding: photographs as vectors and as maps {cite}`vandermaaten2008tsne,karpathy2014codes`."""
