"""Networks held to figures, budgets and each other."""
