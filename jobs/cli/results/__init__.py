"""The commands that show and check results."""
