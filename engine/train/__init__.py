"""From a cell to trained networks."""
