"""A small world of made-up facts, and everything that a zoo is trained on.

Takes a seed. Gives corpus, training data, probes, recipes and definitions; a seed always gives the
same ones.
"""
