"""Image metrics, one file each; ``METRICS`` finds them by their place (see ``benchmark/plugins/registry.py``).

Every metric reads RGB float32 in [0, 1] that went through 8 bits. A metric is a pure function
(``psnr(restored, truth)``) and a thin class that the harness calls: ``reference(truth)`` holds what depends on the
truth alone, ``score`` the rest. Metrics that can share work on the same tensors have ``share(peers)``, where ``peers``
are the metrics of one run by id.
"""
