"""A board is held against a baseline: what regressed, by how much, and on which pictures."""
