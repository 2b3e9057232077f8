"""AlpacaEval 2.0: its figures, its leaderboard, and what a candidate judge is worth."""
