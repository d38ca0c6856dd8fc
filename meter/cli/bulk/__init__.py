"""Many accounts at once: out of files and into files, a line each."""
