"""From a sweep's run folders to the rows and columns of its table."""
