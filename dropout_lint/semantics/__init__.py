"""The symbolic interpreter: what a Keras program does with its layers' modes, without running it."""
