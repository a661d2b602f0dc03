"""The command line: options, messages, exit codes; what a command does is in `commands/`."""
