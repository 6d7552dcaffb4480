"""The command line.

Takes command-line arguments. Gives results on stdout, and messages, progress and errors on stderr.
Heavy libraries are imported only by the commands that need them.
"""

from diffkit.cli.app import app, main

__all__ = ["app", "main"]
