"""The pictures of `cnnprof plot`: one module each, whose name is the word behind `plot`."""
