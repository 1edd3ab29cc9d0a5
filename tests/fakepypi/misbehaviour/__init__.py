"""Misbehaviour: what is ordered, what is in force, and what it does to an answer."""
