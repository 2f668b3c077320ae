"""Any table of any SQLite file, of any size, read by a process of its own."""
