"""Doors that an ordinary program leaves shut: other TLS libraries, SOCKS proxies, browsers."""
