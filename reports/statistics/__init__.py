"""Numbers and what may be said of them: no file is read here, and nothing is printed."""
