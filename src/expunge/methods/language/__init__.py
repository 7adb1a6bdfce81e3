"""Networks over text, trained from scratch: what they read learns no vocabulary, so only weights have to forget."""
