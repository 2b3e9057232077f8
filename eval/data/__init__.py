"""Published figures, labelled as published: data files, and the records they decode to."""
