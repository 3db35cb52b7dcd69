"""Cost of perdita.Recorder in a step of the demo's network (784-256-10, batch of 128), in processor time of one thread.

    python bench/recorder.py [--rounds 30]

A round times steps with the loss, and with the loss of a recorder, in turn; the median of the rounds is printed.
"""

import argparse
import statistics
import tempfile
import time

import torch

import perdita
import perdita.torch.functional as F

STEPS, BATCH, SAMPLES = 100, 128, 60_000


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    perdita.set_num_threads(1)
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(784, 256), torch.nn.ReLU(), torch.nn.Linear(256, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    x, y = torch.randn(BATCH, 784), torch.randint(0, 10, (BATCH,))
    indices = torch.randperm(SAMPLES).split(BATCH)[:STEPS]
    with tempfile.TemporaryDirectory() as folder:
        recorder = perdita.Recorder(folder + "/run", num_samples=SAMPLES, epochs="manual")
        criterion = recorder.loss("cross_entropy")

        def recorded(output, labels, index):
            loss = criterion(output, labels, index=index)
            recorder.log(lr=0.02)
            return loss

        ways = {"plain": lambda output, labels, index: F.cross_entropy(output, labels), "recorded": recorded}
        times = {name: [] for name in ways}
        for _ in range(rounds):
            for name, loss_of in ways.items():
                begin = time.process_time()
                for index in indices:
                    loss = loss_of(model(x), y, index)
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                times[name].append((time.process_time() - begin) / STEPS)
    plain, more = (statistics.median(times[name]) for name in ways)
    pairs = [b / a - 1 for a, b in zip(*times.values(), strict=True)]
    print(f"step {1e6 * plain:.0f} us, recorded {1e6 * more:.0f} us: {100 * statistics.median(pairs):+.1f} %")


if __name__ == "__main__":
    main()
