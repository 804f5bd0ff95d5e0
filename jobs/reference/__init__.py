"""The job's output, computed from the topic without Flink."""
