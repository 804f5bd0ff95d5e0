"""The Flink job, its settings, and the command line that joins everything."""
