"""What a charge does to an account: the promise, its Redis engine, the scripts, the embedded server."""
