"""The table of a report as text for people, programs and papers."""
