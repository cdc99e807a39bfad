"""RFR-Net: recurrent feature reasoning for inpainting (Li et al. 2020)."""
