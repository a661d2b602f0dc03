"""How many requests are at fal at once (limit, slots), and when each one is polled."""
