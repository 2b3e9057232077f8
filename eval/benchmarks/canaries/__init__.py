"""Tricks that no judge may fall for."""
