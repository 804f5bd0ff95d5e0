"""The commands of the job, and of the tables that it writes to."""
