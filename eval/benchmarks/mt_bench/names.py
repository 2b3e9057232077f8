"""Names of MT-Bench's figures: what the table of benchmarks needs before anything is computed."""

OVERALL, HARD, OTHERS = "overall", "math_coding_reasoning", "other_categories"
TURNS = ("turn_1", "turn_2")
