"""The nouns on disk: cells, runs, networks, measurements."""
