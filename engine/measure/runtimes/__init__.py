"""The runtimes that a network can be deployed in, one file each: how it gets into one, and its answers from it."""
