"""Statistics over identities: intervals, paired differences, rank groups, rank correlations and slices.

People, not images, are what was sampled: images of one person rise and fall together, so every interval here
resamples identities. All values of one dataset are drawn with the same resamples (same seed, same identities), so
that differences between methods are paired.
"""
