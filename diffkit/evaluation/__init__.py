"""Evaluation: suites, attempts, grades and leaderboards."""
