"""A run's calls to fal, made by workers on other machines: each at most once, whenever a worker dies."""
