"""What plans should include, what they earn, and where they leak."""
