"""The network: dimensions, graph, shapes, costs, what a position sees. Standard library only."""
