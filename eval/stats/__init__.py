"""Pure statistics, scipy's underneath: intervals over prompts, sign tests, agreement with people."""
