"""Pure functions: exact integer sums, solves, curvature and noise. They know arrays, not models."""
