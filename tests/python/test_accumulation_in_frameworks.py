"""normalize_by in the training loops of transformers and Lightning: k micro-batches make the step of one batch."""

import pytest
import torch

import accumulation_cases
import perdita.torch
import perdita.torch.functional as F
from accumulation_cases import INPUT, LABELS, PARTS

LEARNING_RATE = 0.5
VOCABULARY, TOKENS = 7, 6


def step_of(model, loss):
    """The parameters after a step of gradient descent."""
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    return [p.detach() - LEARNING_RATE * g for p, g in zip(model.parameters(), gradients, strict=True)]


def assert_parameters(model, expected):
    for parameter, other in zip(model.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.detach(), other, rtol=1e-12, atol=1e-14)


def sequences():
    """Token ids, padded, and labels, which are -100 at the padding: 2 to 6 tokens in each of 8 sequences."""
    ids = torch.randint(1, VOCABULARY, (8, TOKENS), generator=torch.Generator().manual_seed(4))
    lengths = torch.tensor([6, 2, 3, 6, 4, 2, 5, 6])
    labels = ids.masked_fill(torch.arange(TOKENS) >= lengths[:, None], -100)
    return ids, labels


def test_the_loss_of_causal_models():
    """The loss by which models of transformers divide the sum by num_items_in_batch, computed by Perdita and by torch."""
    loss_utils = pytest.importorskip("transformers.loss.loss_utils")
    logits = torch.randn(8, TOKENS, VOCABULARY, generator=torch.Generator().manual_seed(5))
    _, labels = sequences()
    count = (labels[:, 1:] != -100).sum()
    expected = logits.clone().requires_grad_()
    loss_utils.ForCausalLMLoss(expected, labels, VOCABULARY).backward()
    installed, ours = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    for rows in (slice(0, 1), slice(1, 4), slice(4, 8)):
        with perdita.torch.install():
            loss_utils.ForCausalLMLoss(installed[rows], labels[rows], VOCABULARY, num_items_in_batch=count).backward()
        shifted = ours[rows, :-1].reshape(-1, VOCABULARY), labels[rows, 1:].reshape(-1)
        F.cross_entropy(*shifted, normalize_by=count).backward()
    for found in (installed, ours):
        torch.testing.assert_close(found.grad, expected.grad, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("denominator", ["number", "tensor"])
def test_trainer_of_transformers(denominator, tmp_path):
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("accelerate")
    ids, labels = sequences()
    sizes = {"n_layer": 1, "n_head": 1, "n_embd": 4, "n_positions": TOKENS, "bos_token_id": 0, "eos_token_id": 0}
    config = transformers.GPT2Config(vocab_size=VOCABULARY, attn_pdrop=0, embd_pdrop=0, resid_pdrop=0, **sizes)
    model = transformers.GPT2LMHeadModel(config).double()
    logits = model(ids).logits[:, :-1].transpose(1, 2)
    expected = step_of(model, torch.nn.functional.cross_entropy(logits, labels[:, 1:]))
    counts = []

    def loss_of(outputs, labels, num_items_in_batch):
        counts.append(int(num_items_in_batch))
        logits = outputs.logits[:, :-1].transpose(1, 2)
        # The trainer counts all labels, of which the first of each sequence has no prediction.
        count = num_items_in_batch - len(ids)
        return F.cross_entropy(logits, labels[:, 1:], normalize_by=int(count) if denominator == "number" else count)

    class Dataset(torch.utils.data.Dataset):
        def __len__(self):
            return len(ids)

        def __getitem__(self, i):
            return {"input_ids": ids[i], "labels": labels[i]}

    arguments = transformers.TrainingArguments(
        tmp_path, per_device_train_batch_size=2, gradient_accumulation_steps=4, max_steps=1, max_grad_norm=0.0,
        lr_scheduler_type="constant", report_to=[], use_cpu=True, save_strategy="no", disable_tqdm=True,
    )  # fmt: skip
    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE)
    trainer = transformers.Trainer(
        model, arguments, train_dataset=Dataset(), compute_loss_func=loss_of, optimizers=(optimizer, None)
    )
    trainer.train()
    assert counts == [int((labels != -100).sum())] * 4
    assert_parameters(model, expected)


def test_lightning(tmp_path):
    """Lightning divides each loss by the number of micro-batches."""
    lightning = pytest.importorskip("lightning")
    count = (LABELS != -100).sum()

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.model = accumulation_cases.model()

        def training_step(self, rows, _):
            loss = F.cross_entropy(self.model(INPUT[rows]), LABELS[rows], normalize_by=count)
            return loss * self.trainer.accumulate_grad_batches

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=LEARNING_RATE)

    module = Module()
    expected = step_of(module, torch.nn.functional.cross_entropy(module.model(INPUT), LABELS))
    batches = [torch.arange(len(LABELS))[rows] for rows in PARTS]
    trainer = lightning.Trainer(
        accelerator="cpu", devices=1, max_epochs=1, accumulate_grad_batches=len(PARTS), logger=False, barebones=True,
        default_root_dir=tmp_path, enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(module, torch.utils.data.DataLoader(batches, batch_size=None, shuffle=False))
    assert trainer.global_step == 1
    assert_parameters(module, expected)
