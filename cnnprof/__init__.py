"""cnnprof: a profiler for CNN architectures."""
