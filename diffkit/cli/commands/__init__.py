"""The commands, one module for each group; each calls the library and prints the result."""
