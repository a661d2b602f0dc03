"""The dispatcher: claims, submits, follows and writes down, at bounded concurrency."""
