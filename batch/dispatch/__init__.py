"""The dispatcher's loop, and what it asks: which row is next, is it admitted, what an answer means."""
