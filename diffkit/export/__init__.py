"""Evaluations in the formats of other tools."""
