"""What clients send, how they send it, and whether the answers are right."""
