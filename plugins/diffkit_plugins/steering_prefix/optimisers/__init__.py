"""Strategies of searching, each behind `Optimiser`."""
