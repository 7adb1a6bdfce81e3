"""Models that are fitted under differential privacy: forgetting up to so many records does nothing, and costs what it says."""
