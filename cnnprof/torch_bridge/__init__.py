"""Layers to torch and back: `build` makes a module of a graph, `capture` a graph of a module. torch is imported here.

`requirements` alone can be imported without torch, and says what is missing.
"""
