"""What a test steers and sees: the control API and the log of requests."""
