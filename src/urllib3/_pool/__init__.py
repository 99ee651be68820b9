"""What a pool decides, without sockets: queue, key, failure, redirect."""
