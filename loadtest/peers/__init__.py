"""What people would use instead: the same job on the same rows, written as their users would write it."""
