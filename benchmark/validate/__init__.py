"""What is held to its word before anything is computed with it: plug-ins, suites, datasets, predictions, mask sets, runs."""
