"""Maximally activating patches and receptive fields {cite}`girshick2014rcnn,luo2016effective`."""
