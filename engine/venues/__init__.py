"""The venues that cycledeck ships."""
