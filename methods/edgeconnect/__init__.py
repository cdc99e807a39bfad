"""EdgeConnect: generative inpainting with adversarial edge learning (Nazeri et al. 2019)."""
