"""Real wheels and sdists, and the catalogue of what is published."""
