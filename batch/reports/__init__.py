"""What a person is shown: the end of a run, and its progress."""
