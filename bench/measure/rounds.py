"""Measurements in rounds (A B C, A B C, ...), so that other load on the machine
meets all alike."""

import time


def in_rounds(rounds, measurements, *, warm_up=True, deadline=float("inf"), say=lambda text: None):
    """Calls each measurement once in every round; their results by key.

    A round to warm up does not count.  There are fewer rounds if another one
    would end after the deadline; say is told of that, and of each round.
    """
    runs = {key: [] for key in measurements}
    took = 0.0
    for done in range(-1 if warm_up else 0, rounds):
        begun = time.monotonic()
        if begun + took > deadline:
            say(f"no time for more than {max(done, 0)} rounds")
            break
        for key, measurement in measurements.items():
            told = measurement()
            if done >= 0:
                runs[key].append(told)
        took = time.monotonic() - begun
        if done >= 0:
            say(f"round {done + 1} of {rounds} took {took:.0f} s")
    return runs
