"""From a table to a model and back: how columns are read, and which method they go to. Needs no workspace."""
