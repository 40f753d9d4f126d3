"""The pictures of a report for papers."""
