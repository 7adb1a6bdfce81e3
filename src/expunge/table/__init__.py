"""What rows are made of: ids, cells and columns. The store itself is :mod:`expunge.rows`."""
