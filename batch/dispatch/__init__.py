"""The dispatcher: claim, submit, follow and write down, at bounded concurrency."""
