"""What happened, and what is left to do because of it."""
