"""Decision -> hectares, grades, intervals. Pure: imports ``core`` alone."""
