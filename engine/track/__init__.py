"""From run folders to MLflow."""
