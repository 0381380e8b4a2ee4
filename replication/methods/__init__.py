"""One folder a method that is no paper's alone, built like a paper."""
