"""Recordings of real connections: written, read, converted and summed up."""
