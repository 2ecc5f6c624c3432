"""What may happen to users, products and orders; the owner of the write store."""
