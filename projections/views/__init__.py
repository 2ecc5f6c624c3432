"""The read tables: one file each, with its row, its fold and the selects that queries may use."""
