"""Cases of losses of which each depends on all rows of a batch, and their usual forms in torch."""



# (loss, tensors of about that many elements, its form in torch)
JOINT_CASES = ()
