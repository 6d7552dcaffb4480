"""Renderers for runs, attempts and leaderboards.

Takes what the store holds. Gives terminal output or HTML; one renderer of each kind serves every
method.
"""
