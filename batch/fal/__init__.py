"""fal.ai behind the gateway: client, network, replies, uploads, prices, history, key, redaction."""
