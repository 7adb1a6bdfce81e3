"""Preprocessing that forgets: scalers, imputers and encoders of columns, and the pipelines they stand in."""
