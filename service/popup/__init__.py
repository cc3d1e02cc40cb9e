"""The warning card that a rep sees: its script and page, and the tokens that let a browser ask for one prospect."""
