"""One encoding for every value a model can hold, behind :mod:`expunge.digest`."""
