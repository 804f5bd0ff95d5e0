"""Models in PostgreSQL: registered, activated for a topic, and loaded by those who score it."""
