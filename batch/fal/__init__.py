"""fal.ai behind the gateway: at most one POST for each submit, whatever happens to its reply."""
