"""Audits: leaks, the features' worth, data quality, fairness."""
