"""`make bench`: what Cellar costs and saves beside its peers, as ratios of one run."""
