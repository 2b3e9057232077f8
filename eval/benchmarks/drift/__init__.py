"""How far each model has drifted from M1."""
