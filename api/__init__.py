"""Scoring and results over HTTP."""
