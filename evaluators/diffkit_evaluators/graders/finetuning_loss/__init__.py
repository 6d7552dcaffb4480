"""Grades a method by how much of the training its directions explain.

Takes the directions that a run saved and the training data, gives the share of the learnt loss that
is lost without them.
"""
