"""Modules that know shapes, but neither configs nor files."""
