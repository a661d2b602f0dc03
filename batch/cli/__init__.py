"""The command line: options and messages; what a command does stands in `commands`."""
