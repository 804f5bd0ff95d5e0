"""Venues that do not exist, from which a model learns what it does not know."""
