"""What takes jobs off an appliance that is not well, and brings them back."""
