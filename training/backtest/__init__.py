"""The back-test: what a policy would have earned."""
