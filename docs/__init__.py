"""The pages that are generated, beside the code that writes them: `make docs`."""
