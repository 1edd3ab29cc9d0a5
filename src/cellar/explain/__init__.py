"""`cellar explain`: what policy says of files, which rule says so, and since when."""
