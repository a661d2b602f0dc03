"""What each command does, one file each: the parts put together, without click."""
