"""Units of work become parts: decoding, occluding, restoring, scoring, embedding."""
