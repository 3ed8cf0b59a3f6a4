"""The YAML language that architectures are written in."""
