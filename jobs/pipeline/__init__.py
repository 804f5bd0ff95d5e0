"""The Flink job: its tables, queries, functions and names."""
