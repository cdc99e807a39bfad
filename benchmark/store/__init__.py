"""The run folder: parts, manifest and provenance, on a disk or mirrored from an object store."""
