"""The online path: HTTP in, features from the store, an assessment out."""
