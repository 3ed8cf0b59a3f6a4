"""Memory that a network holds while it runs: by last use, in training, and the kernels' own."""
