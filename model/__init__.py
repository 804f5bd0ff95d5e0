"""Training, evaluation and the model artifact."""
