"""Losses of sharded logits, below perdita.torch.parallel."""
