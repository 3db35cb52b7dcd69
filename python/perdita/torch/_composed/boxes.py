"""Losses of boxes."""

import math

import torch

from perdita.errors import ShapeError
from perdita.torch._composed.reduce import reduce_elements


def box_loss(call):
    """Of the intersection and the union of two boxes, [..., 4] each."""
    input, target = call.number("input"), call.number("target")
    if not input.dim() or input.shape[-1] != 4 or input.shape != target.shape:
        raise ShapeError(
            f"{call.function}: input has shape {list(input.shape)} and target {list(target.shape)} (valid: [..., 4] for "
            f"both)"
        )
    both = _Overlap(call, input, target)
    return reduce_elements(call, _OF_OVERLAP[call.function](call, both))


class _Overlap:
    def __init__(self, call, input, target):
        self.eps = float(call.option("eps"))
        self.p, self.t = (_corners(call.option("format"), boxes) for boxes in (input, target))
        (px1, py1, px2, py2), (tx1, ty1, tx2, ty2) = self.p, self.t
        width = _positive(torch.minimum(px2, tx2) - torch.maximum(px1, tx1))
        height = _positive(torch.minimum(py2, ty2) - torch.maximum(py1, ty1))
        intersection = width * height
        self.union = (px2 - px1) * (py2 - py1) + (tx2 - tx1) * (ty2 - ty1) - intersection
        self.iou = intersection / (self.union + self.eps)
        self.width = torch.maximum(px2, tx2) - torch.minimum(px1, tx1)
        self.height = torch.maximum(py2, ty2) - torch.minimum(py1, ty1)

    def center_distance(self):
        (px1, py1, px2, py2), (tx1, ty1, tx2, ty2) = self.p, self.t
        dx, dy = 0.5 * ((px1 + px2) - (tx1 + tx2)), 0.5 * ((py1 + py2) - (ty1 + ty2))
        return (dx * dx + dy * dy) / (self.width * self.width + self.height * self.height + self.eps)


def _positive(x):
    """max(x, 0), with derivative 0 at 0."""
    return torch.where(x > 0.0, x, 0.0)


def _corners(form, boxes):
    a, b, c, d = boxes.unbind(-1)
    if form == "xyxy":
        return a, b, c, d
    if form == "xywh":
        return a, b, a + c, b + d
    return a - 0.5 * c, b - 0.5 * d, a + 0.5 * c, b + 0.5 * d


def _iou(call, both):
    if call.option("mode") == "log":
        return -torch.log(torch.where(both.iou > 1e-6, both.iou, 1e-6))
    return 1.0 - (both.iou * both.iou if call.option("mode") == "square" else both.iou)


def _giou(call, both):
    enclosing = both.width * both.height
    return (1.0 - both.iou) + (enclosing - both.union) / (enclosing + both.eps)


def _diou(call, both):
    return (1.0 - both.iou) + both.center_distance()


def _ciou(call, both):
    (w, h), (true_w, true_h) = ((x2 - x1, y2 - y1) for x1, y1, x2, y2 in (both.p, both.t))
    along = w * true_w + h * true_h
    angle = torch.atan((true_w * h - w * true_h) / torch.where(along == 0.0, 1.0, along))
    v = 4.0 / math.pi**2 * (angle * angle)
    rest = 1.0 - both.iou
    factor = (v / (rest + v + both.eps)).detach()
    return (rest + both.center_distance()) + factor * v


_OF_OVERLAP = {"box_iou_loss": _iou, "box_giou_loss": _giou, "box_diou_loss": _diou, "box_ciou_loss": _ciou}
