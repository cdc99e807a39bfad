"""A suite, validated, and the units of work that it becomes."""
