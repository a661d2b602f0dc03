"""What a person is shown: the bar while a run is on, and the text when it has ended."""
