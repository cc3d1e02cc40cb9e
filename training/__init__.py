"""The offline path: a book of customers becomes a bundle, over HTTP and files alone."""
