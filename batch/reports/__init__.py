"""What a person is shown: how a run gets on, and how it ended."""
