"""Frames from outside become messages, and messages go to Kafka."""
