"""Where each BEFORE pixel lies in AFTER. Pure: arrays and small values in, small values out."""
