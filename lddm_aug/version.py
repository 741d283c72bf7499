"""Version of the package, which setuptools reads without importing it."""
__version__ = '0.2.0'
