"""What besides quality sways a judge."""
