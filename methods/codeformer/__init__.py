"""CodeFormer: blind face restoration by codebook lookup (Zhou et al. 2022)."""
