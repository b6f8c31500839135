"""MiniJetClass: the ten classes of JetClass, made with Pythia 8, a parametrised detector and FastJet.

Each arrow is one module:

    processes -> generator -> events -> propagation -+- tracking ----+- particle_flow -> candidates
                                                     +- calorimeter -+                       |
                  production <- files <- jet_table <- substructure <- matching <- clustering +

`simulation` runs the chain on batches of events, and `comparison` compares files of jets.

The recipe follows that of JetClass (H. Qu, C. Li and S. Qian, arXiv:2202.03772). Pythia's leading-order processes
replace MadGraph's, and the functions of this package replace Delphes. MiniJetClass is a substitute to run, test and
compare on; it is not JetClass.
"""
