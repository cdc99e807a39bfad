"""Leaderboards, plots and published tables, drawn from run folders without torch."""
