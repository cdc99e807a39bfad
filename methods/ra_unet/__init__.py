"""Residual attention U-Net (Hosen and Islam 2022), a blind restorer."""
