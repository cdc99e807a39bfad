"""Finding faces: detectors, their five landmarks, and what corrects these above a worn mask."""
