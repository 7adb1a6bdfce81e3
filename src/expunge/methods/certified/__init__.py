"""Models that forget with a certificate: convex losses, a bound on what a change leaves, and noise that hides it."""
