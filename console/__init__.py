"""The console: a Textual app over the engine's public API. It looks, and asks; it never writes."""
