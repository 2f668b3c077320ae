"""A folder a screen, its panels beside it; its looks are in the stylesheet of the same name."""
