"""Face matchers and what their scores mean: alignment, embeddings, verification trials and error rates."""
