"""Grading: verdicts compared with the truth.

Takes attempts and the truths about the organisms. Gives a stored grade for each attempt and grader,
and validates graders on claims that are known to be right or wrong.
"""
