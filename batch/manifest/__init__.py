"""The manifest loader: finds columns, reads values, checks images, plans rows."""
