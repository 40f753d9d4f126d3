"""The page of a report, and what its scripts are given."""
