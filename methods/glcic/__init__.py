"""GLCIC: globally and locally consistent image completion (Iizuka et al. 2017)."""
