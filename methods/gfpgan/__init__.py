"""GFP-GAN: blind face restoration with a generative facial prior (Wang et al. 2021)."""
