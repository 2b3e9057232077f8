"""The report: one HTML page from what lies on disk. No model is asked, no script runs, nothing is fetched."""
