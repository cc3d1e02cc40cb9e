"""Exporting: a fitted estimator as an ONNX graph in a bundle."""
