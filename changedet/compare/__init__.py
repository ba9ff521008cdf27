"""Two aligned arrays in, evidence maps out. Pure: imports ``core`` alone."""
