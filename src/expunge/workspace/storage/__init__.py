"""Where a workspace lies: its folder, keys, database, chunks and log, and the lock that one process holds."""
