"""What one row means: a file per family of models."""
