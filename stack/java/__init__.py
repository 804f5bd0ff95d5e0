"""Java on this machine: a runtime, and the jars from Maven."""
