"""Where a corpus' records come from: one module a format. A record is read once whole, and again when it is wanted."""
