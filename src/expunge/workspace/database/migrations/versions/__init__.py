"""One file for each step; none is changed after it was released."""
