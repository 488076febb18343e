"""What a recipe is known by: its values, its code, and all that the code reads."""
