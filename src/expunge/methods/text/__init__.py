"""Text that can be forgotten: vectorisers that lose a document, and a word that nobody else wrote."""
