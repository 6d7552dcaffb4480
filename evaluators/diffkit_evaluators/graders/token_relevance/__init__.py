"""How many of the tokens that a method puts first have to do with the truth."""
