"""What only an exact program can tell, in the bead world."""
