"""Methods compared over seeds: `srlm-eval methods`."""
