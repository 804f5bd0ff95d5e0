"""Enrolling a venue: a model with one class more, compared with the one before."""
