"""Pipelines that forget: solved from sums of everything, or step by step."""
