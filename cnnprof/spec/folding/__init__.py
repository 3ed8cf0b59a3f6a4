"""From a flat graph to a spec with blocks and loops, as a person would write it.

A graph's layers are put into the modules that their names say (`groups`), and their joins get branches (`joins`); tensors that
are parts of others are named by what reads them (`roles`). Equal modules become blocks (`fold`, `unify`) with arguments for
what differs (`arguments`), runs of equal steps become loops (`loops`, `stages`). `outline` is the one representation that all
of these work on; `text` writes it.
"""
