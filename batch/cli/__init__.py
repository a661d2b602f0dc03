"""The command line: options, messages, exit codes; thin over `commands`."""
