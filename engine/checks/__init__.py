"""The checks that prove the books, one module a subject."""
