"""From results to reports: one file a command, each choosing what to say and computing nothing new about a network."""
