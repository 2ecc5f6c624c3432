"""Denormalised answers, folded from the log; the owner of the read store."""
