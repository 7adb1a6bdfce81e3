"""Methods that forget by training again, on everything or on a shard."""
