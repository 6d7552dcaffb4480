"""Exports evaluations to the formats of other tools.

Takes an evaluation and the store. Gives logs of inspect_ai.
"""
