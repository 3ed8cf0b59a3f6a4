"""ONNX files as graphs: read without running them, operator by operator. onnx is imported here alone.

`load` reads a file, `read` walks its graph and asks `rows` for the layer of each operator; `values` are what names stand for
on the way.
"""
