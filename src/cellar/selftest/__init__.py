"""The self-test of an appliance, made through its own doors."""
