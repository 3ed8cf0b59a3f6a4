"""Devices, timing, and cross-checks with other counters."""
