"""GAN with hybrid and multi-scale spatial attention (Tsai, Wu and Chen 2026)."""
