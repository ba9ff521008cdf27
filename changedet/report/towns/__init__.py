"""Many towns side by side: rows, totals, the overview map and the page of a batch."""
