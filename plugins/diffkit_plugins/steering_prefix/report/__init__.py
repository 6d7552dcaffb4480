"""The findings of steering-prefix.

An evaluated prefix, its baselines and searches go in; findings come out.
"""
