"""Runs, attempts and leaderboards as rich renderables for the terminal."""
