"""Between graphs and torch: build a running module of a graph, capture a graph of a module."""
