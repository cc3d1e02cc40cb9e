"""Who takes part in `make compare`, what they are asked, and what the rounds come to."""
