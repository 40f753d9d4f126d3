"""Two reports beside each other: what has changed, and whether it is noise."""
