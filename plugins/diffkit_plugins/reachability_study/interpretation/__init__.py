"""The study's interpretation guide: which observations hold.

Takes the outcomes of all conditions. Gives a row for each observation: whether it holds, the
numbers that decide it, and what follows.
"""
