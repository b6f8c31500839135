"""MiniJetClass: the ten classes of JetClass, made with Pythia 8, a parametrised detector and FastJet.

One module an arrow:

    processes -> generator -> events -> propagation -+- tracking ----+- particle_flow -> candidates
                                                     +- calorimeter -+                       |
                  production <- files <- jet_table <- substructure <- matching <- clustering +

`simulation` runs the chain on batches of events, `benchmark` times it, `comparison` holds files side by side.

The recipe follows that of JetClass (H. Qu, C. Li and S. Qian, arXiv:2202.03772) with Pythia's
leading-order processes in place of MadGraph's and the functions of this package in place of Delphes.
It is a substitute to run, test and compare on, not JetClass.
"""
