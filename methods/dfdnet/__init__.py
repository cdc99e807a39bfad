"""DFDNet: blind face restoration with deep multi-scale component dictionaries (Li et al. 2020)."""
