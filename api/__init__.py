"""Scoring and results over HTTP: the functions of the job, asked by other programs."""
