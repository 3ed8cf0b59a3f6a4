"""Formats of gates: what each thing that was checked came to, for tools that collect it."""
