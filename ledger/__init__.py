"""What happened: events, money, times, checks, the store. Knows nothing of the web or of read models."""
