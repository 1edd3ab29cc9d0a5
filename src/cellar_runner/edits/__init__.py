"""What is changed in files, and how it is taken back."""
