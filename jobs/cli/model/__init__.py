"""The commands of the model."""
