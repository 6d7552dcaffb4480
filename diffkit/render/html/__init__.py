"""Self-contained HTML pages of runs, attempts and leaderboards."""
