"""Frames to messages, by one rule for every venue."""
