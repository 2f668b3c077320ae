"""The venues that cycledeck ships, their registry, and the retries of what is asked of any."""
