"""The harness: it knows protocols, and no method or dataset by name. ``import unmaskbench`` is its door."""
