"""Damaged files for every parser: how they are damaged, what is watched, and the parsers."""
