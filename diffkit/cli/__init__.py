"""The command line: one command to a file; nothing heavy is imported before a command needs it."""

from diffkit.cli.app import app, main

__all__ = ["app", "main"]
