"""What is measured: a case for each question, in a module of its own."""
