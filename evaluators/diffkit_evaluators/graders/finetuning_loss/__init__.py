"""How much of what was learnt goes with the directions that a method found."""
