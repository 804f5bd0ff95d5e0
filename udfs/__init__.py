"""What is computed: windows of messages to features to scores."""
