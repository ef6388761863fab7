"""Sample papers, made by our own code: no data of real people."""
