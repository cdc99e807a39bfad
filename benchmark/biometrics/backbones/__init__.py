"""Face-recognition networks whose published checkpoints the matchers load."""
