"""Grades a claim by a rubric: a language model compares it with the key facts.

Takes a claim and the answer key, gives the F1 of precision and recall.
"""
