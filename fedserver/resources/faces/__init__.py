"""How catalogues, reference managers and search engines see the library."""
