"""Trials of the whole path: faults on purpose, steady load, and a sandbox to run them in."""
