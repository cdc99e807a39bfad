"""Results that are handed in: a run made small, checked by whoever receives it, and put on one board with others."""
