"""The reading process: nothing here is imported by the screen, and it imports no screen."""
