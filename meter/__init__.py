"""Charge credits for API calls: policies say what a call costs, Redis holds the books."""
