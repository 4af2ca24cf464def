"""A second backend of the store, made otherwise on purpose: nothing is locked, nothing is counted, ids have gaps.

Units work on a snapshot, and a unit that finds at its end that another was quicker is run again. Counters are the
number of rows. It shows that the contract says everything a store needs; it is for tests alone.
"""
