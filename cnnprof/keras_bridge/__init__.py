"""Keras models as graphs, by the configuration that a `.keras` file or `model.to_json()` holds; Keras itself is not needed.

`load` takes the configuration out of the file, `read` walks its layers, and `rows` has the layer of each Keras class.
"""
