"""Valid rows become entries, entries become request bodies of at most 50."""
