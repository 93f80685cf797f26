"""The mapping file, and how source columns become Pango's fields."""
