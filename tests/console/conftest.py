"""Tests of the console; what they build with is in `published` and `seen`."""
