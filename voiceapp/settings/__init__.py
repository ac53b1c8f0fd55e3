"""The admin's door: the settings pages, one module per tab."""
