"""Values and arithmetic that everyone shares; imports nothing else of the package."""
