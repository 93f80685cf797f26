"""What Pango accepts, as data: one YAML for each object type."""
