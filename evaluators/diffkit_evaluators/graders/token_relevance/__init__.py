"""Grades a method by the share of its first tokens that are relevant to the truth.

Takes the token tables of findings and the truths on the base, gives the share of relevant tokens.
"""
