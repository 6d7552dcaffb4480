"""Attempts: what investigators are given, and the verdicts that they return.

Takes planned runs with their findings. Gives a stored attempt for each run, arm, investigator and
repeat.
"""
