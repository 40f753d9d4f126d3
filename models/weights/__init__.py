"""The weights that a network begins with: from files, libraries, URLs, and by the names of others."""
