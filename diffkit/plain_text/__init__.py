"""Plain text for terminals, pages and prompts.

Takes numbers, untrusted text and findings. Gives strings that are safe to print.
"""
