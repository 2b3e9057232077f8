"""Readers of others' data, and our own texts: AlpacaEval, Arena-Hard, rankings, canaries, the paper's figures."""
