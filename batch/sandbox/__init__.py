"""The service, played on this machine."""
