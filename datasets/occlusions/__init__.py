"""Occlusions: one file each, drawn from a given random generator over a face's landmarks or its 3-D surface."""
