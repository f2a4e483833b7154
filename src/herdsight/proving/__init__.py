"""Whether rules do what they say: each is run on its own cases, also when it was changed a little."""
