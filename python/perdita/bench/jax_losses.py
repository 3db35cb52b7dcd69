"""The losses as one writes them in JAX, jitted with their gradients."""
import jax
import jax.numpy as jnp
import numpy as np

LOSSES = {
    "mse_loss": lambda x, t: jnp.mean((x - t) ** 2),
    "l1_loss": lambda x, t: jnp.mean(jnp.abs(x - t)),
    "binary_cross_entropy_with_logits": lambda x, t: jnp.mean(jax.nn.softplus(x) - t * x),
    "cross_entropy": lambda x, y: -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(x), y[:, None], 1)),
    "kl_div": lambda x, t: jnp.mean(jax.scipy.special.xlogy(t, t) - t * x),
    "poisson_nll_loss": lambda x, t: jnp.mean(jnp.exp(x) - t * x),
}


def jax_step(case):
    """A call of the loss and its gradient by its first argument, or None for a loss that is not written here."""
    if case.loss not in LOSSES:
        return None
    arrays = [jnp.asarray(np.asarray(tensor.detach())) for tensor in case.tensors]
    step = jax.jit(jax.value_and_grad(LOSSES[case.loss]))

    def run():
        jax.block_until_ready(step(*arrays))

    return run
