"""DFNet: deep fusion network for image completion (Hong et al. 2019)."""
