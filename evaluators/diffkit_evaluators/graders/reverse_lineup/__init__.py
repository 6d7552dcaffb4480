"""Grades a claim by the truth that a blind reader picks for it.

Takes a claim and all truths on the base, gives the share of picks that are right.
"""
