"""The gate: has a run lost against a baseline that is kept under version control?"""
