"""Result -> pictures and pages: all that a person reads instead of result.json."""
