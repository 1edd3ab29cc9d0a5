"""What can be told to use the appliance: clients, engines of containers, CI systems."""
