"""How figures are shown: what they are called, as words, as text for a terminal, as charts."""
