"""Detectors of anomalies that forget: scores from exact sums, exact counts, and lists of neighbours."""
