"""Grades predictions by the answers of both models.

Takes the predictions of a verdict, gives their mean score under a proper scoring rule.
"""
