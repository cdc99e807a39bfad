"""AOT-GAN: aggregated contextual transformations for inpainting (Zeng et al. 2022)."""
