"""CTSDG: conditional texture and structure dual generation (Guo et al. 2021)."""
