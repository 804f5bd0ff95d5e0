"""Evaluation: what a model and the plain classifier say of sessions that they have not seen, counted honestly."""
