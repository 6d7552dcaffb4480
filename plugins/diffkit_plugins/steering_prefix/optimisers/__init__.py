"""Strategies of searching, each a `PrefixOptimiser`.

A `SearchTask` goes in; a `SearchResult` comes out.
"""
