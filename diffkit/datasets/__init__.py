"""Texts from datasets: hub repositories and local files, read by the `datasets` library."""
