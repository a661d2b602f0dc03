"""How many requests are at fal at once, and when each is asked about."""
