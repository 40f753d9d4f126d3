"""Data, tasks and recipes: what a method may not change."""
