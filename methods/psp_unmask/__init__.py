"""Face unmasking with a pSp encoder and a frozen StyleGAN2 (Randhawa et al. 2022)."""
