"""Training of the learned methods, the segmenter and the compact matcher, on mmengine's Runner and hooks.

``train`` and ``export`` are what the command line calls. They live in modules of their own because they import torch.
"""
