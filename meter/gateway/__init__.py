"""The ASGI edge: reads a request, lets the till charge it, and writes what it cost into the answer."""
