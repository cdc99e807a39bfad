"""Face matchers, one file each; a file that registers a class with ``MATCHERS`` is found by its place here."""
