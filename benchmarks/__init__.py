"""What the project's figures are made with. Every module runs as ``python -m benchmarks.<name>`` and prints ratios."""
