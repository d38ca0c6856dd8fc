"""What a process may spend while the store is away, and how that comes into the books afterwards."""
