"""From registry.yaml to typed sweeps, every mistake a sentence with its line."""
