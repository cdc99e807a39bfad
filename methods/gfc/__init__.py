"""GFC: generative face completion (Li et al. 2017)."""
