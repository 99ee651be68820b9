"""HTTP/1.1 on one socket: syntax, sending, receiving.  Knows nothing of pools and of TLS."""
