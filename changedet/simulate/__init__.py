"""A town before and after, rendered twice with events between, and its truth; calls no file."""
