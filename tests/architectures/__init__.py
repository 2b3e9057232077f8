"""Tiny random models of many architectures, and what must hold on each of them."""
