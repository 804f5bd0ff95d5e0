"""What tests and benchmarks share; `tests/support` is on their path."""
