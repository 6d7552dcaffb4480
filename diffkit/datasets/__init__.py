"""Reads texts from files and datasets.

Takes the name of a source. Gives `Texts`.
"""
