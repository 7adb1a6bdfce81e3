"""Data sets of a workspace: copied or referred to, and guarded against what was forgotten."""
