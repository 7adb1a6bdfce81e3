"""Models that forget with a certificate: convex losses, noise in the objective, and a bound on what is left."""
