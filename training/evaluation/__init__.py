"""Evaluation: how good a model is on customers that it has not seen, alone and beside its peers."""
