"""Models with an approximate posterior, from which records are divided out again."""
