"""Files for a GIS, as text and bytes from values: nothing here reads or writes a file."""
