"""A small synthetic town before and after, whose losses are known."""
