"""The first screen of the page: is the last model better than what the run started from, and is its judge?"""
