"""Operations: compiled functions of one form, one file for each family.

What the numbers of a row mean is said once, where an operation is defined, and the same
names are used where a program is written (`circuits.engine.lists`):

    @operation("n <source >target", "copy {source} to {target}")
    def copy(weights, lane, row, span):
        n, source, target = row[1], row[2], row[3]
"""
