"""Every checkpoint against every other on the same prompts (the paper, section 3.1, figure 3)."""
