"""Documents that attack, a model that obeys them, and the proof that nothing comes of it."""
