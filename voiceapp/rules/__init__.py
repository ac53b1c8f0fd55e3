"""The language of routing: rules, comparisons, decisions and their reasons. Pure."""
