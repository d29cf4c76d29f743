"""Files of events: what a row of a table means, and how what people keep in their own tables becomes events."""
