"""Pieces of networks that several architectures or convs share."""
