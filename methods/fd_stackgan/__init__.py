"""Face de-occlusion with two stacked GANs (Jabbar et al. 2021)."""
