"""`cellar selftest`: the appliance checked through its own doors."""

# Who asks then, for the log: such requests are no traffic of clients.
AGENT = "cellar-selftest"
