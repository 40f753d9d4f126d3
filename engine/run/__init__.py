"""From cells to finished run folders; the commands of the command line."""
