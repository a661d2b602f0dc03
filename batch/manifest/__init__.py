"""The manifest loader: a table in, planned rows out."""
