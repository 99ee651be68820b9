"""From a host to a secured socket: the route, the tunnel, TLS.  Knows nothing of requests."""
