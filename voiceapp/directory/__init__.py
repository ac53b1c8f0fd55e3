"""The built-in directory's own business: contacts as people keep them, and as CSV in and out."""
