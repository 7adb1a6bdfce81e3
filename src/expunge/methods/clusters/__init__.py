"""Clusters: centres that forget."""
