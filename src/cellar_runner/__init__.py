"""cellar-runner: makes the jobs of a CI host use an appliance, as long as it is there."""
