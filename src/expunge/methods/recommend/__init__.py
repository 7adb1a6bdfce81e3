"""Recommenders: models of which user had to do with which item."""
