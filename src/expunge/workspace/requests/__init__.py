"""Requests from question to receipt."""
