"""Pictures for the documentation, and the stage they are taken on; no part of the program."""
