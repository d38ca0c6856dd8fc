"""How the desks of our own HTTP APIs work: what may be asked, how it is read, and the document that says so."""
