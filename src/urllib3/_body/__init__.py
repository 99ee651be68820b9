"""A body on its way to the reader: decoders and buffer.  Knows nothing of sockets."""
