"""Leaderboards: rows of methods and controls with intervals and tests.

Takes an evaluation and the attempts, grades and runs that it refers to. Gives a `Leaderboard`.
"""
