"""The commands that bring messages into Kafka, and those of recordings."""
