"""Kafka, Flink and PostgreSQL on this machine, without Docker."""
