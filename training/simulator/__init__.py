"""A made-up company that sells software to Japanese businesses: its leads, and the truth about them."""
