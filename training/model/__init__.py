"""The model: an additive hazard as a scikit-learn estimator."""
