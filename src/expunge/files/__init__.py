"""Models as files: the archive, what of a model goes into it, and what an export must not hold."""
