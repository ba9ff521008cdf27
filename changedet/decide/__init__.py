"""Evidence -> a decision, or a refusal. Pure: imports ``core`` alone."""
