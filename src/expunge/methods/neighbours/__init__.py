"""Neighbours: models that are their records."""
