"""How fast voiceapp is, against other ways of doing the same: `make bench`, see README.md."""
