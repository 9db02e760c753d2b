"""Python syntax as the rest of the package sees it: parsing, walking, positions."""
