"""What each command does, one file each, and what they share: the open batch and its session."""
