"""Searching every byte for what must not be there any more."""
