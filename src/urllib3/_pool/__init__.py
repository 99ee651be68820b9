"""What a pool decides, without sockets: queue, key, expiry, failure, redirect.  No I/O here."""
