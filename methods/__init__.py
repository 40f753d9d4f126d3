"""Training methods, one a file; base.py is their interface."""
