"""What `fingerprint doctor` looks at: this machine, this installation, and the services."""
