"""python -m perdita.bench: the losses compared with torch eager, torch.compile and JAX, in one process, interleaved."""
