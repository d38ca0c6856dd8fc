"""What an account may ask about itself: unmetered, bounded, and answered at a balance of zero."""
