"""Files on disk: replaced whole or not at all, and made durable."""
