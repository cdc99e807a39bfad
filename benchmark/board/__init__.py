"""Parts become a board: aggregates with intervals, ranks, curves, slices."""
