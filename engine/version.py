"""The program's version, as its package says it."""

from importlib.metadata import version

__version__ = version("cycledeck")
