"""What `watch` shows: read by a few statements, drawn on a terminal, printed, or given as JSON."""
