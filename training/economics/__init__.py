"""Economics: what customers are worth, by ours and by the classical formulas."""
