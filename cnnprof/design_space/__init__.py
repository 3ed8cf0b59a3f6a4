"""A whole design space in one pass: axes, the arrays that a network is built for, and the figures of every point."""
