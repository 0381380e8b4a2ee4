"""First-layer filters and feature maps {cite}`krizhevsky2012imagenet,zeiler2014visualizing`."""
