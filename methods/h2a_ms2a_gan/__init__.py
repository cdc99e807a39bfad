"""GAN with hybrid and multi-scale spatial attention, and its occlusion segmenter (Tsai, Wu and Chen 2026)."""
