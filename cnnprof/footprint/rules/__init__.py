"""What kernels hold beside inputs and outputs, one file a kind of layer."""
