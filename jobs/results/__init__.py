"""What the job has written: migrated, read, watched and redriven."""
