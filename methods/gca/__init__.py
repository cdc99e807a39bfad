"""Generative inpainting with contextual attention (Yu et al. 2018)."""
