"""Forests and trees that forget a record in a fraction of a millisecond, and equal a fresh fit to the bit."""
