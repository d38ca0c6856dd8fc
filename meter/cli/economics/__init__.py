"""The commands that say what calls should cost."""
