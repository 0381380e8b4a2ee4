"""Replication of Grad-CAM."""
