"""Predictions put to both models, which decide."""
