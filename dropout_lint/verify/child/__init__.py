"""What runs inside the user's interpreter, and nothing else.

``dropout-lint verify`` starts ``python .../child/__main__.py JOB.json`` with the interpreter that has the
user's Keras. dropout-lint need not be installed there, so this package imports the standard library, the
user's own Keras and its NumPy, and its siblings, relatively; it keeps to what Python 3.9 knows.

One run goes through these modules in this order:

* ``program``: reads the job, runs the script as ``__main__``, reports how it ended;
* ``instrument``: wraps flagged expressions in the text of the user's modules, line by line in place;
* ``importing``: hands the edited texts to Python, and calls back when Keras or TensorFlow has been imported;
* ``flavour``: where Keras 2 and Keras 3 differ;
* ``hooks``, ``calls``: patch the few Keras and TensorFlow entry points that bound an experiment;
* ``session``, ``sites``, ``toggles``: what happens when a flagged expression is reached;
* ``boundaries``, ``state``, ``capture``, ``arms``, ``observation``: both arms on the same inputs, everything restored;
* ``modes``: which layer ran in which mode, and why;
* ``results``: one JSON line per fact, written as it comes.
"""
