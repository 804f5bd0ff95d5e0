"""Behaviour of exchanges as parameters, and seeded sessions drawn from it."""
