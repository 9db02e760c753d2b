"""What was found in files, kept from run to run for as long as nothing has changed that it rests on.

``folder`` knows where it lies on disk, ``facts`` whether a file is as it was, ``packing`` findings as JSON, ``store``
which results hold. Whatever is odd about a cache makes a cold run and never an error: it may have been written by
another version, by half, or by somebody who means harm.
"""
