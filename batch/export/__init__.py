"""The kept takes handed to the edit: as a timeline, a list, or a folder of files."""
