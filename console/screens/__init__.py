"""One module a screen; its looks are in the stylesheet of the same name."""
