"""Any library's CNN as a Network, its convolutions replaced."""
