"""The occlusion segmentation network of Tsai, Wu and Chen (2026), which finds masks where none is given."""
