"""From a network to its sizes and its speed on this machine."""
