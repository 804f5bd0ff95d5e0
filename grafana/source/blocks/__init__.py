"""What every dashboard is built of."""
