"""LaMa: large mask inpainting with Fourier convolutions (Suvorov et al. 2022)."""
