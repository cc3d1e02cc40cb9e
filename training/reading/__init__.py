"""Reading: from the book and its files to customers with lifetimes."""
