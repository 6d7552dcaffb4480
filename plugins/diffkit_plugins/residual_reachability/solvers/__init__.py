"""Solvers: searches for prompts that lead to given residual streams.

Takes a differentiable map from prompts to streams, targets and starts. Gives the best prompt of
each row, its loss at each step and its error.
"""
