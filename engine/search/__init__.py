"""Words of a person about events, read into what a store can look for."""
