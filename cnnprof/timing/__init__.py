"""Timings: intervals, ratios, layers' times, and a machine's roof."""
