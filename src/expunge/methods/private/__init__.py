"""Models fitted under differential privacy: forgetting up to so many records does nothing, and says what it costs."""
