"""The commands that one starts with."""
