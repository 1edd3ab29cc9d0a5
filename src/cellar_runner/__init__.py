"""cellar-runner: makes the jobs of a CI host use an appliance, and takes it back when it is gone."""
