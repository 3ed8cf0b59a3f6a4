"""Layers, graphs, analysis and results: standard library only."""
