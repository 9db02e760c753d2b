"""Mode-flip mutants: right programs made wrong in one place, and how many of them are caught, by kind and by rule.

``python -m benchmarks.mutants [--list] [PROGRAM…]`` runs it (default: the clean and the repaired fixtures). Each
operator makes mutants for the rules of one family. What is made has to be wrong on the Keras the program is for, by
what the tree of the program says: nothing is mutated where no layer in sight depends on the mode, where the program
says that it draws at random on purpose, or where the other Keras would have to be meant.
"""
