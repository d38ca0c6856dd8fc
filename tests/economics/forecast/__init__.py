"""The projection of use to the end of a period."""
