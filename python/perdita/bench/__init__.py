"""python -m perdita.bench: the losses beside torch eager, torch.compile and JAX, in one process, interleaved."""
