"""Optional parts: another TLS library, SOCKS proxies, Python in browsers.  Imported on request."""
