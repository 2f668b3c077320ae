"""The store: the file that a ledger lives in."""
