"""What Keras is, as data: names, layers, entry points, versions, and the functions around it.

Tables and look-ups only. Nothing here imports Keras, TensorFlow or LibCST, and nothing decides what a
mistake is; when Keras changes, this is the package to edit. ``tests/keras`` holds the tables against the
installed ``keras`` and ``tf_keras``.
"""
