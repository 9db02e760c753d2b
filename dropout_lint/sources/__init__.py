"""Where source text comes from and how its bytes become text."""
