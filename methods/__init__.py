"""Restorers: one file (classical) or one folder (a paper) each; none imports another."""
