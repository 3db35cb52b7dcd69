"""Models of transformers, small and with random weights: loss and gradients with Perdita installed equal those without."""

import pytest
import torch

import perdita.torch

transformers = pytest.importorskip("transformers")

SMALL = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
NUMBERS = torch.Generator().manual_seed(6)
IDS = torch.randint(3, 11, (3, 6), generator=NUMBERS)
LABELS = IDS.masked_fill(torch.arange(6) >= torch.tensor([6, 2, 4])[:, None], -100)
TEXT = {"vocab_size": 11, "max_position_embeddings": 16, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
IMAGES = torch.randn(2, 3, 16, 16, generator=NUMBERS)
SOUND = torch.randn(2, 900, generator=NUMBERS)
VIT = {"image_size": 16, "patch_size": 8}


def bert(name, labels, **options):
    return f"BertFor{name}", "BertConfig", {**SMALL, **TEXT, **options}, {"input_ids": IDS, **labels}


MODELS = [
    bert("MaskedLM", {"labels": LABELS}),
    bert("SequenceClassification", {"labels": torch.tensor([0, 2, 1])}, num_labels=3),
    bert("SequenceClassification", {"labels": torch.tensor([0.5, 2.0, -1.0])}, num_labels=1, problem_type="regression"),
    bert("SequenceClassification", {"labels": torch.eye(3)}, num_labels=3, problem_type="multi_label_classification"),
    bert("TokenClassification", {"labels": LABELS.clamp(max=4)}, num_labels=5),
    bert("QuestionAnswering", {"start_positions": torch.tensor([0, 7, 2]), "end_positions": torch.tensor([1, 1, 5])}),
    bert("NextSentencePrediction", {"labels": torch.tensor([0, 1, 1])}),
    (
        "GPT2LMHeadModel",
        "GPT2Config",
        {"vocab_size": 11, "n_embd": 8, "n_layer": 1, "n_head": 2, "n_positions": 8, "bos_token_id": 1, "eos_token_id": 2},
        {"input_ids": IDS, "labels": LABELS},
    ),
    ("LlamaForCausalLM", "LlamaConfig", {**SMALL, **TEXT}, {"input_ids": IDS, "labels": LABELS, "num_items_in_batch": 30}),
    (
        "MixtralForCausalLM",
        "MixtralConfig",
        {**SMALL, **TEXT, "num_key_value_heads": 2, "num_local_experts": 4, "output_router_logits": True},
        {"input_ids": IDS, "labels": LABELS},
    ),
    (
        "T5ForConditionalGeneration",
        "T5Config",
        {"vocab_size": 11, "d_model": 8, "d_kv": 4, "d_ff": 8, "num_layers": 1, "num_heads": 2, "decoder_start_token_id": 0},
        {"input_ids": IDS, "labels": LABELS},
    ),
    ("ViTForImageClassification", "ViTConfig", {**SMALL, **VIT, "num_labels": 3},
     {"pixel_values": IMAGES, "labels": torch.tensor([0, 2])}),
    ("ViTForMaskedImageModeling", "ViTConfig", {**SMALL, **VIT, "encoder_stride": 8},
     {"pixel_values": IMAGES, "bool_masked_pos": torch.tensor([[True, False, True, True]] * 2)}),
    (
        "SegformerForSemanticSegmentation",
        "SegformerConfig",
        {"num_encoder_blocks": 1, "depths": [1], "sr_ratios": [1], "hidden_sizes": [8], "patch_sizes": [3], "strides": [2],
         "num_attention_heads": [2], "mlp_ratios": [2], "decoder_hidden_size": 8, "num_labels": 4},
        {"pixel_values": IMAGES, "labels": torch.randint(0, 4, (2, 16, 16), generator=NUMBERS).index_fill(
            2, torch.tensor([3]), 255)},
    ),
    (
        "Wav2Vec2ForCTC",
        "Wav2Vec2Config",
        {**SMALL, "vocab_size": 11, "conv_dim": [8, 8], "conv_kernel": [10, 4], "conv_stride": [5, 4],
         "num_feat_extract_layers": 2, "num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2,
         "ctc_loss_reduction": "mean"},
        {"input_values": SOUND, "labels": LABELS[:2]},
    ),
]  # fmt: skip


def results(model, operands):
    model.zero_grad()
    torch.manual_seed(0)
    loss = model(**operands).loss
    loss.backward()
    return loss.detach(), {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("name, config, options, operands", MODELS, ids=[f"{i}-{m[0]}" for i, m in enumerate(MODELS)])
def test_a_model(name, config, options, operands, monkeypatch):
    torch.manual_seed(0)
    model = getattr(transformers, name)(getattr(transformers, config)(**options)).eval()
    expected, expected_gradients = results(model, operands)
    assert torch.isfinite(expected) and expected_gradients
    calls = []
    with perdita.torch.install():
        for function in perdita.torch.installed():
            ours = getattr(torch.nn.functional, function)

            def counted(*args, _ours=ours, **kwargs):
                calls.append(_ours)
                return _ours(*args, **kwargs)

            monkeypatch.setattr(torch.nn.functional, function, counted)
        found, gradients = results(model, operands)
        monkeypatch.undo()
    assert calls
    torch.testing.assert_close(found, expected, rtol=2e-6, atol=1e-7)
    assert gradients.keys() == expected_gradients.keys()
    largest = max(gradient.abs().max().item() for gradient in expected_gradients.values())
    for parameter, gradient in gradients.items():
        torch.testing.assert_close(gradient, expected_gradients[parameter], rtol=1e-4, atol=1e-6 * largest)
