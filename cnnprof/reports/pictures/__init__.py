"""Formats of pictures: they show a report's chart, and a report without one cannot have them."""
