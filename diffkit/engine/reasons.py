"""What other libraries' errors say, in one line."""
