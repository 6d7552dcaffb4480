"""Figures of the study, each with a description in words.

Takes the study's results. Gives PNG artifacts and the findings that show them.
"""
