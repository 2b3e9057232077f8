"""What others wrote, read within bounds of time, memory and depth: files, JSON, YAML, quotations."""
