"""HTTP and TLS on a socket, right or wrong."""
