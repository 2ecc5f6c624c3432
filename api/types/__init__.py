"""The output types of the contract: an object type is one row of one read table."""
