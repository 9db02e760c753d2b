"""How a report is written, one module per format."""
