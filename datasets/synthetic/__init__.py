"""Procedural heads: unlimited identities rendered in three dimensions, with exact landmarks, regions and surface.

``dataset.py`` is the plug-in. Below it, in the order of the pipeline: ``identity.py`` (who), ``capture.py`` (how the
picture is taken), ``outline.py``, ``mouth.py``, ``head.py``, ``parts.py`` and ``hair.py`` (geometry), ``raster.py``
(visibility), ``skin.py`` and ``features.py`` (colour), ``shading.py`` (light), ``backdrop.py`` and ``camera.py``
(picture), ``render.py`` (all of it); ``curves.py`` and ``noise.py`` are what they draw with.

Everything is NumPy. Arrays meet only additions, multiplications, divisions, square roots and comparisons, which
IEEE 754 rounds the same on every machine; transcendental functions are kept to scalars and constant tables.
"""
