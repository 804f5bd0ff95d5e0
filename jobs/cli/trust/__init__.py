"""The commands that test how far the job can be trusted."""
