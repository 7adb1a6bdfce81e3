"""Methods whose state is a sum over records, in exact integer arithmetic."""
