"""Random calls of every loss, compared with 50-digit arithmetic and with torch.

draws.py makes a call from a seed and a number, formulas.py and oracle.py compute what is right, compare.py decides, rules.py
names the differences that are meant. From the repository's root:

    python -m tests.python.differential --draws 100000
    python -m tests.python.differential --seed 7 --draw 1234     # one of them again, with its code
"""
