"""DifFace: blind face restoration with a diffused error contraction (Yue and Loy 2022)."""
