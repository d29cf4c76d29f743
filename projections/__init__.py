"""What follows from the log: read models that may be deleted at any time, and the questions they answer."""
