"""What `cnnprof plot` draws: one module a picture, whose name is the word behind `plot`."""
