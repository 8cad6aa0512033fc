"""What words, sentences, numbers and questions are: pure functions on text, without documents or services."""
