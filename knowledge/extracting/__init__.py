"""How the extractive answerer finds the sentence that answers: what a question is for, and what covers it (pure)."""
